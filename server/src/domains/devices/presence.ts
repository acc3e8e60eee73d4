/**
 * Which devices are there. Heartbeats go to memory and are written together; a status changes by hearing a device, by its
 * goodbye, or by silence that lasted longer than the grace period while this server was listening.
 */
import type { Logger } from 'pino'
import type { Db } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { fault } from '../../kernel/faults.ts'
import {
  type Beat,
  type ConditionChanges,
  readAlive,
  readOnline,
  type Sighting,
  type Turn,
  writeAlive,
  writeApproved,
  writeConditions,
  writeSightings,
  writeTurns,
} from './presence-writes.ts'

export interface PresenceOptions {
  db: Db
  events: Events
  now(): Date
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  heartbeatSeconds: number
  /** Silence that means offline. Without it, the greater of three heartbeat intervals and 180 seconds. */
  graceMs?: number
  /** How long heartbeats gather before they are written. */
  flushMs?: number
}

const TICK_MS = 500
/** A new status is shown at once; a moment lets a crowd share the statement. */
const TURN_FLUSH_MS = 50
const ALIVE_EVERY_MS = 10_000
/** Agents that could not reach the server wait at most this long before they try again. */
const MAX_RECONNECT_MS = 300_000

export class Presence {
  readonly #options: PresenceOptions
  readonly #graceMs: number
  readonly #intervalMs: number
  /** Devices shown as online, and until when without a further word. */
  readonly #deadlines = new Map<string, number>()
  #sightings = new Map<string, Sighting>()
  #turns = new Map<string, Turn>()
  #conditions = new Map<string, Map<string, boolean>>()
  #timer: ReturnType<typeof setInterval> | undefined
  #soon: ReturnType<typeof setTimeout> | undefined
  #flushing: Promise<void> | undefined
  #tickedAt = 0
  #flushedAt = 0
  #aliveAt = 0

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#intervalMs = options.heartbeatSeconds * 1000
    this.#graceMs = options.graceMs ?? Math.max(3 * this.#intervalMs, 180_000)
  }

  /** Takes over the devices that were online. Call before the first agent may connect. `timers: false`: call `tick`. */
  async start({ timers = true } = {}): Promise<void> {
    const now = this.#options.now().getTime()
    const { alive, online } = await this.#options.db.worker(async (tx) => {
      return { alive: await readAlive(tx), online: await readOnline(tx) }
    })
    // Nobody listened during the gap, so its silence proves nothing. Agents come back after their own waiting, which
    // grew with the gap.
    const gap = alive ? Math.max(0, now - alive.getTime()) : Infinity
    const shift = gap + this.#intervalMs + Math.min(MAX_RECONNECT_MS, 2 * gap)
    const latest = now + this.#graceMs + this.#intervalMs + MAX_RECONNECT_MS
    for (const device of online) {
      const seen = device.last_seen_at?.getTime() ?? now
      this.#deadlines.set(device.id, Math.min(seen + this.#graceMs + shift, latest))
    }
    if (alive && gap > ALIVE_EVERY_MS) this.#options.log.info({ gapMs: gap }, 'presence was not observed for a while')
    this.#tickedAt = now
    this.#flushedAt = now
    await this.#writeAlive(now)
    if (timers) this.#timer = setInterval(() => this.#inBackground(this.tick()), TICK_MS)
  }

  /** Writes what memory still holds. Devices stay online: it is the server that leaves. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    this.#timer = undefined
    await this.flush()
    await this.#writeAlive(this.#options.now().getTime())
  }

  get onlineCount(): number {
    return this.#deadlines.size
  }

  /**
   * The server heard the device: a connection that proved its key, or a heartbeat with its facts. `heartbeatSeconds`: the
   * device's own interval, where it has one.
   */
  heard(id: string, facts: Beat | null, heartbeatSeconds?: number): void {
    const at = this.#options.now()
    this.#allowForGap(at.getTime())
    this.#see(id, at, facts)
    if (!this.#deadlines.has(id)) this.#turn({ id, status: 'online', expected: false, at })
    this.#deadlines.set(id, at.getTime() + Math.max(this.#graceMs, 3000 * (heartbeatSeconds ?? 0)))
  }

  /** Something about a device beside its status; written with the next turn. */
  condition(id: string, name: string, isThere: boolean): void {
    const changes = this.#conditions.get(id) ?? new Map<string, boolean>()
    this.#conditions.set(id, changes.set(name, isThere))
    this.#writeSoon()
  }

  /** A person approved these: they are shown as what they are. */
  async approved(ids: readonly string[]): Promise<void> {
    await this.flush()
    const online = ids.filter((id) => this.#deadlines.has(id))
    await this.#options.db.worker((tx) => writeApproved(tx, ids, online))
    for (const id of ids) this.#options.events.publish(`device:${id}`)
    this.#options.events.publish('devices')
  }

  /** It goes by its own will: offline at once, and nobody is alarmed. */
  goodbye(id: string): void {
    const at = this.#options.now()
    this.#see(id, at, null)
    this.#deadlines.delete(id)
    this.#turn({ id, status: 'offline', expected: true, at })
  }

  /** A closed socket is only a hint: networks blink. The deadline decides, and a device that returns is not disturbed. */
  disconnected(id: string): void {
    this.#options.events.publish(`device:${id}`)
  }

  /** The device was removed: nothing of it is written any more. */
  forget(id: string): void {
    this.#deadlines.delete(id)
    this.#sightings.delete(id)
    this.#turns.delete(id)
    this.#conditions.delete(id)
  }

  /** One step: find who fell silent, write what gathered, sign the log book. */
  async tick(): Promise<void> {
    const now = this.#options.now().getTime()
    this.#allowForGap(now)
    for (const [id, deadline] of this.#deadlines) {
      if (deadline > now) continue
      this.#deadlines.delete(id)
      this.#turn({ id, status: 'offline', expected: false, at: new Date(now) })
    }
    const isUrgent = this.#turns.size + this.#conditions.size > 0
    if (isUrgent || now - this.#flushedAt >= (this.#options.flushMs ?? 2000)) await this.flush()
    if (now - this.#aliveAt >= ALIVE_EVERY_MS) await this.#writeAlive(now)
  }

  /** Resolves when everything heard before the call is in the database. */
  async flush(): Promise<void> {
    await this.#flushing
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
    })
    await this.#flushing
  }

  /** A process that slept, or a clock that was set, did not listen either. */
  #allowForGap(now: number): void {
    const gap = now - this.#tickedAt
    this.#tickedAt = now
    if (gap >= 0 && gap <= ALIVE_EVERY_MS) return
    for (const [id, deadline] of this.#deadlines) this.#deadlines.set(id, deadline + gap)
    this.#options.log.warn({ gapMs: gap }, 'presence was not observed for a while')
  }

  #see(id: string, at: Date, facts: Beat | null): void {
    this.#sightings.set(id, { id, at, facts: facts ?? this.#sightings.get(id)?.facts ?? null })
  }

  #turn(turn: Turn): void {
    this.#turns.set(turn.id, turn)
    this.#writeSoon()
  }

  #writeSoon(): void {
    if (!this.#timer) return
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.#inBackground(this.flush())
    }, TURN_FLUSH_MS)
  }

  async #flush(): Promise<void> {
    this.#flushedAt = this.#options.now().getTime()
    const sightings = this.#sightings
    const turns = this.#turns
    const conditions = this.#conditions
    if (sightings.size + turns.size + conditions.size === 0) return
    this.#sightings = new Map()
    this.#turns = new Map()
    this.#conditions = new Map()
    try {
      await this.#options.db.worker(async (tx) => {
        await writeSightings(tx, sortedById(sightings))
        await writeTurns(tx, sortedById(turns))
        await writeConditions(tx, conditions)
      })
    } catch (error) {
      // What came meanwhile is newer and stays; the rest is tried again with it.
      for (const [id, sighting] of sightings) if (!this.#sightings.has(id)) this.#sightings.set(id, sighting)
      for (const [id, turn] of turns) if (!this.#turns.has(id)) this.#turns.set(id, turn)
      for (const [id, changes] of conditions) this.#conditions.set(id, merged(changes, this.#conditions.get(id)))
      throw error
    }
    fault('presence.flushed')
    const changed = new Set([...turns.keys(), ...conditions.keys()])
    for (const id of changed) this.#options.events.publish(`device:${id}`)
    if (changed.size > 0) this.#options.events.publish('devices')
  }

  async #writeAlive(now: number): Promise<void> {
    this.#aliveAt = now
    await this.#options.db.worker((tx) => writeAlive(tx, new Date(now)))
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.log.error({ err: error }, 'presence could not be written'))
  }
}

function sortedById<T extends { id: string }>(entries: ReadonlyMap<string, T>): T[] {
  return [...entries.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

const merged = (older: ConditionChanges, newer: ConditionChanges = new Map()): Map<string, boolean> =>
  new Map([...older, ...newer])
