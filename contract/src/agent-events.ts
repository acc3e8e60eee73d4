/** Event-log entries that a device looks for by itself, and sends when they come. */
import * as z from 'zod'
import { LOG_LEVELS } from './agent-commands.ts'

const text = (max: number) => z.string().max(max)

/** All that is given must hold. */
export const eventWatch = z.object({
  id: text(64).min(1),
  /** As in `logs.read`; without it `system`, for failed sign-ins `security`. */
  log: text(200).min(1).optional(),
  /** This level and the more severe ones. */
  minLevel: z.enum(LOG_LEVELS).optional(),
  /** Part of the message, whatever its case. */
  text: text(200).min(1).optional(),
  /** The program, unit or provider that wrote it, whatever its case. */
  program: text(200).min(1).optional(),
  /** What the agent recognises by its own knowledge of the platform. */
  kind: z.literal('failed_sign_in').optional(),
})
export type EventWatch = z.infer<typeof eventWatch>
export const MOST_WATCHES = 100

export const FAILED_SIGN_INS = 'failed_sign_ins'
/** What every agent looks for. */
export const USUAL_WATCHES: readonly EventWatch[] = [{ id: FAILED_SIGN_INS, kind: 'failed_sign_in' }]

/** Entries of one watch and one minute that are sent one by one; those beyond are told as one entry with their number. */
export const ENTRIES_PER_MINUTE = 50
export const MAX_EVENT_TEXT = 2000

export const eventEntry = z.object({
  watchId: text(64).min(1),
  /** As the watch names it. */
  log: text(200),
  /** When the log says it happened; where it says nothing, when the agent read it. */
  at: z.iso.datetime(),
  /** Where it was read. */
  source: text(200),
  program: text(200).nullable(),
  level: z.enum(LOG_LEVELS).nullable(),
  text: text(MAX_EVENT_TEXT),
  /** It stands for so many, of which it is the latest. Absent: for itself. */
  count: z.number().int().min(1).optional(),
  /** Of a failed sign-in, where the log tells it. */
  user: text(128).nullable().optional(),
  address: text(80).nullable().optional(),
})
export type EventEntry = z.infer<typeof eventEntry>
export const MOST_EVENTS = 200
