/** What the server wants an agent to do, as one document with one etag. */
import * as z from 'zod'
import { eventWatch, MOST_WATCHES, USUAL_WATCHES } from './agent-events.ts'

/** What people set. */
export const agentValues = z.object({
  heartbeatSeconds: z.number().int().min(1).max(3600),
  /** How often the agent looks whether a section changed. Sections that cost more are read at multiples of it. */
  inventorySeconds: z.number().int().min(10).max(86_400),
  /** How often pending updates are looked for. */
  updatesSeconds: z.number().int().min(60).max(604_800),
  /** Scripts that may run at once; the rest wait in the order they came. */
  maxConcurrentScripts: z.number().int().min(1).max(32),
  /** Output is sent while a script runs. */
  streamOutput: z.boolean(),
})
export type AgentValues = z.infer<typeof agentValues>

export const agentConfiguration = agentValues.extend({
  /** Entries of event logs that the device sends by itself. */
  eventWatches: z.array(eventWatch).max(MOST_WATCHES).default([]),
})
export type AgentConfiguration = z.infer<typeof agentConfiguration>

/** What an agent works by until the server has told it otherwise. */
export const DEFAULT_CONFIGURATION: AgentConfiguration = {
  heartbeatSeconds: 60,
  inventorySeconds: 300,
  updatesSeconds: 21_600,
  maxConcurrentScripts: 4,
  streamOutput: true,
  eventWatches: [...USUAL_WATCHES],
}
