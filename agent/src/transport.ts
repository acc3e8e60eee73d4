import type { Agent } from 'node:http'

/** How the network is reached: which proxy, which roots of trust. One for all connections of a process. */
export interface Transport {
  /** What `http.request`, `https.request` and `ws` take as `agent`; undefined for a plain connection of their own. */
  agentFor(url: URL): Agent | undefined
}

export const DIRECT: Transport = { agentFor: () => undefined }
