/** Event-log entries that devices send by themselves: kept for a while, and told to whoever raises alerts. */
import type { EventEntry } from '@breeze/contract/agent-events'
import { Batch } from '../../kernel/batch.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { type EventSearch, latestEvents, type ShippedEvents } from './reads.ts'
import './tables.ts'
import { type LoggedEvents, type Sent, writeEvents } from './writes.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    eventLogs: EventLogs
  }
}

export interface EventLogsOptions {
  db: Db
  events: Events
  now(): Date
  /** Told of entries that are new, once they are durable. */
  logged?(batch: readonly LoggedEvents[]): void
}

const RETENTION_MS = 30 * 86_400_000
/** Rows that are deleted in one statement. */
const STEP = 5000

export class EventLogs {
  readonly #options: EventLogsOptions
  readonly #batches: Batch<Sent, void>

  constructor(options: EventLogsOptions) {
    this.#options = options
    this.#batches = new Batch<Sent, void>({
      windowMs: 50,
      maxItems: 200,
      maxWeight: 4000,
      weigh: ({ entries }) => entries.length,
      handle: async (sent) => {
        const logged = await options.db.worker((tx) => writeEvents(tx, options.now(), sent))
        for (const { deviceId } of logged) options.events.publish(`device:${deviceId}`)
        if (logged.length > 0) options.logged?.(logged)
        return sent.map(() => undefined)
      },
    })
  }

  /** Resolves when they are durable. A batch that comes again changes nothing. */
  record(deviceId: string, sequence: number, entries: readonly EventEntry[]): Promise<void> {
    return this.#batches.add({ deviceId, sequence, entries })
  }

  /** The newest entries that a device sent, among those the transaction sees. */
  latest(tx: Tx, deviceId: string, search: EventSearch): Promise<ShippedEvents> {
    return latestEvents(tx, deviceId, search)
  }

  /** Lets go of what is older than 30 days. */
  async forget(): Promise<void> {
    const before = new Date(this.#options.now().getTime() - RETENTION_MS)
    const statement = `delete from device_events where ctid = any (array(
      select ctid from device_events where received_at < $1 limit ${STEP}))`
    while ((await this.#options.db.workerStatement('forget_events', statement, [before])) === STEP);
  }

  idle(): Promise<void> {
    return this.#batches.idle()
  }
}

export type { LoggedEvent, LoggedEvents } from './writes.ts'
