import { setTimeout as sleep } from 'node:timers/promises'
import type { EventWatch } from '@breeze/contract/agent-events'
import type { Reply } from '../device.ts'
import { errorText, type Log } from '../log.ts'
import type { LogTail } from '../platform/log-tail.ts'
import type { EventStore } from './event-store.ts'
import { logOf, matching } from './matching.ts'
import { tailOf } from './tail-of.ts'

export const LOOK_EVERY_MS = 60_000
/** Batches on their way to the server at once. */
const IN_FLIGHT = 5
/** A log may be slow to read; what this look would have found, the next start finds. */
const STOP_PATIENCE_MS = 2000

export interface EventShipperOptions {
  store: EventStore
  /** In force at this moment. */
  watches(): readonly EventWatch[]
  log: Log
  everyMs: number
  tail?(log: string, onlySignIns: boolean): Promise<LogTail>
}

/** Follows the logs that somebody watches, and sends what matches until the server holds it. */
export class EventShipper {
  readonly #options: EventShipperOptions
  readonly #sent = new Set<number>()
  /** Log → why it can't be read, so that each reason is told once. */
  readonly #troubles = new Map<string, string>()
  #reply: Reply | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #looking: Promise<void> | undefined

  constructor(options: EventShipperOptions) {
    this.#options = options
  }

  /** Logs are read from where they were read to, or from their end. */
  start(): void {
    this.#timer ??= setInterval(() => void this.look(), this.#options.everyMs)
    void this.look()
  }

  /** Settles when what was found is on the disk. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.race([this.#looking, sleep(STOP_PATIENCE_MS, undefined, { ref: false })])
    await this.#save()
  }

  welcomed(reply: Reply): void {
    this.#reply = reply
    this.#sent.clear()
    this.#send()
  }

  recorded(sequence: number): void {
    this.#options.store.recorded(sequence)
    this.#sent.delete(sequence)
    this.#send()
  }

  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const byLog = Map.groupBy(this.#options.watches(), logOf)
    this.#options.store.keepOnly(new Set(byLog.keys()))
    for (const [log, watches] of byLog) await this.#follow(log, watches)
    await this.#save()
    // What was sent a look ago and not acknowledged goes out again.
    this.#sent.clear()
    this.#send()
  }

  async #follow(log: string, watches: readonly EventWatch[]): Promise<void> {
    const { store, tail = tailOf } = this.#options
    try {
      const { source, read } = await tail(
        log,
        watches.every((watch) => watch.kind !== undefined),
      )
      const { entries, position } = await read(store.position(log, source))
      store.add(matching(watches, entries, { log, source, at: new Date() }))
      store.moved(log, source, position)
      this.#troubles.delete(log)
    } catch (error) {
      const message = errorText(error).slice(0, 300)
      if (this.#troubles.get(log) !== message) this.#options.log('event_log_unreadable', { log, message })
      this.#troubles.set(log, message)
    }
  }

  async #save(): Promise<void> {
    try {
      await this.#options.store.save()
    } catch (error) {
      this.#options.log('events_unwritten', { message: errorText(error) })
    }
  }

  #send(): void {
    const reply = this.#reply
    if (!reply) return
    for (const { sequence, entries } of this.#options.store.waiting) {
      if (this.#sent.size >= IN_FLIGHT) return
      if (this.#sent.has(sequence)) continue
      this.#sent.add(sequence)
      void reply({ type: 'events', sequence, entries })
    }
  }
}
