/** Told to the server at enrollment and in every hello. Kept equal to agent/package.json by a test. */
export const AGENT_VERSION = '0.1.0'
/** The oldest agent that may be updated to this one: whose state folder and supervisor it still understands. */
export const UPDATES_FROM = '0.1.0'
