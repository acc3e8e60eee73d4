import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EventEntry, eventEntry, MOST_EVENTS } from '@breeze/contract/agent-events'
import * as z from 'zod'
import { replaceFile } from '../durable-file.ts'
import { isMissing } from '../identity-store.ts'
import { errorText, type Log } from '../log.ts'

/** Entries that wait for the server. A device that is away for long keeps the latest. */
const MOST_WAITING = 1000

const place = z.object({ source: z.string(), position: z.string() })
const batch = z.object({ sequence: z.number().int(), entries: z.array(eventEntry) })
const stored = z.object({
  deviceId: z.string(),
  next: z.number().int(),
  places: z.record(z.string(), place),
  waiting: z.array(batch),
})
type Stored = z.infer<typeof stored>
export type EventBatch = z.infer<typeof batch>

/**
 * How far each log was read and what was found there and is not acknowledged, in one file: after a crash, both are of the
 * same moment, so that no entry is missed and none is sent as another.
 */
export class EventStore {
  readonly #path: string
  readonly #log: Log
  #state: Stored
  #isDirty = false

  private constructor(path: string, state: Stored, log: Log) {
    this.#path = path
    this.#state = state
    this.#log = log
  }

  /** What another device left in the folder is not this one's to tell. */
  static async open(stateDirectory: string, deviceId: string, log: Log, now = Date.now()): Promise<EventStore> {
    const path = join(stateDirectory, 'events.json')
    const fresh: Stored = { deviceId, next: now, places: {}, waiting: [] }
    try {
      const found = stored.parse(JSON.parse(await readFile(path, 'utf8')))
      return new EventStore(path, found.deviceId === deviceId ? found : fresh, log)
    } catch (error) {
      // Logs are followed from where they end now.
      if (!isMissing(error)) log('events_unreadable', { message: errorText(error).slice(0, 200) })
      return new EventStore(path, fresh, log)
    }
  }

  get waiting(): readonly EventBatch[] {
    return this.#state.waiting
  }

  /** Undefined where the log was never read, or at another place. */
  position(log: string, source: string): string | undefined {
    const known = this.#state.places[log]
    return known?.source === source ? known.position : undefined
  }

  moved(log: string, source: string, position: string): void {
    const known = this.#state.places[log]
    if (known?.source === source && known.position === position) return
    this.#state.places[log] = { source, position }
    this.#isDirty = true
  }

  /** Logs that nobody watches any more are followed from their end when somebody does again. */
  keepOnly(logs: ReadonlySet<string>): void {
    for (const log of Object.keys(this.#state.places)) {
      if (logs.has(log)) continue
      delete this.#state.places[log]
      this.#isDirty = true
    }
  }

  add(entries: readonly EventEntry[]): void {
    const { waiting } = this.#state
    for (let start = 0; start < entries.length; start += MOST_EVENTS) {
      waiting.push({ sequence: this.#state.next++, entries: entries.slice(start, start + MOST_EVENTS) })
      this.#isDirty = true
    }
    let count = waiting.reduce((sum, { entries: held }) => sum + held.length, 0)
    while (count > MOST_WAITING) {
      const dropped = waiting.shift()?.entries.length ?? count
      count -= dropped
      this.#log('events_dropped', { count: dropped })
    }
  }

  /** Written with the next save: what is sent once more changes nothing. */
  recorded(sequence: number): void {
    const { waiting } = this.#state
    const index = waiting.findIndex((one) => one.sequence === sequence)
    if (index < 0) return
    waiting.splice(index, 1)
    this.#isDirty = true
  }

  async save(): Promise<void> {
    if (!this.#isDirty) return
    this.#isDirty = false
    try {
      await replaceFile(this.#path, JSON.stringify(this.#state))
    } catch (error) {
      this.#isDirty = true
      throw error
    }
  }
}
