/** Told to the server at enrollment and in every hello. Kept equal to agent/package.json by a test. */
export const AGENT_VERSION = '0.1.0'
