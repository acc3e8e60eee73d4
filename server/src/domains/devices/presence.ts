/**
 * Which devices are there. Heartbeats go to memory and are written together; a status changes by hearing a device, by its
 * goodbye, or by silence that lasted longer than the grace period while this server was listening.
 */
import type { GoodbyeReason } from '@breeze/contract/agent-protocol'
import type { Logger } from 'pino'
import type { Db } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { fault } from '../../kernel/faults.ts'
import { cameBack, fellSilent, type PresenceTurn, saidGoodbye } from './presence-turns.ts'
import {
  type Beat,
  type ConditionChanges,
  readAlive,
  readStanding,
  type Sighting,
  type Standing,
  writeAlive,
  writeApproved,
  writeConditions,
  writeSightings,
  writeSilent,
  writeTurns,
} from './presence-writes.ts'
import { ResponseTimes } from './response-times.ts'

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
  /**
   * Told of turns once they are durable, and of the latest ones again after a restart: they may have been told to a process
   * that did not live to hear them.
   */
  turned?(turns: readonly PresenceTurn[]): void
}

/** A device shown as online. */
interface Present {
  /** Without a further word, offline from then on. */
  deadline: number
  /** Without a further word, degraded from then on. */
  lateAt: number
  isDegraded: boolean
  /** The server listened ever since it was heard. */
  observed: boolean
}

const TICK_MS = 500
/** A new status is shown at once; a moment lets a crowd share the statement. */
const TURN_FLUSH_MS = 50
const ALIVE_EVERY_MS = 10_000
/** Agents that could not reach the server wait at most this long before they try again. */
const MAX_RECONNECT_MS = 300_000
/** Turns that may have been written and not told when the server died: they came after its last sign of life, or just before. */
const UNTOLD_MS = 60_000
/** A heartbeat is late after one and a half intervals, a closed connection when it is not back by then; never sooner. */
const LATE_INTERVALS = 1.5
const LINGER_MS = 45_000
const STALE_MS = 7 * 86_400_000
const MISSING_MS = 30 * 86_400_000

export class Presence {
  readonly #options: PresenceOptions
  readonly #graceMs: number
  readonly #intervalMs: number
  readonly #present = new Map<string, Present>()
  /** Devices that said when they come back: by when. */
  readonly #expected = new Map<string, { turn: PresenceTurn; by: number }>()
  readonly #responses = new ResponseTimes()
  #sightings = new Map<string, Sighting>()
  #turns = new Map<string, PresenceTurn>()
  #conditions = new Map<string, Map<string, boolean>>()
  #timer: ReturnType<typeof setInterval> | undefined
  #soon: ReturnType<typeof setTimeout> | undefined
  #flushing: Promise<void> | undefined
  #tickedAt = 0
  #flushedAt = 0
  #aliveAt = 0
  /** Until then devices may still be on their way back to a server that was away. */
  #returningUntil = 0

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#intervalMs = options.heartbeatSeconds * 1000
    this.#graceMs = options.graceMs ?? Math.max(3 * this.#intervalMs, 180_000)
  }

  /** Takes over the devices that were online. Call before the first agent may connect. `timers: false`: call `tick`. */
  async start({ timers = true } = {}): Promise<void> {
    const now = this.#options.now().getTime()
    const { alive, standing } = await this.#options.db.worker(async (tx) => {
      return { alive: await readAlive(tx), standing: await readStanding(tx) }
    })
    // Nobody listened during the gap, so its silence proves nothing. Agents come back after their own waiting, which
    // grew with the gap.
    const gap = alive ? Math.max(0, now - alive.getTime()) : Infinity
    for (const device of standing) this.#takeOver(device, now, gap)
    if (alive && gap > ALIVE_EVERY_MS) this.#notObserved(now, gap)
    this.#tickedAt = now
    this.#flushedAt = now
    await this.#writeAlive(now)
    const untoldFrom = (alive?.getTime() ?? 0) - UNTOLD_MS
    this.#tell(standing.flatMap((device) => lastTurn(device, untoldFrom)))
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
    return this.#present.size
  }

  /**
   * The server heard the device: a connection that proved its key, or a heartbeat with its facts. `heartbeatSeconds`: the
   * device's own interval, where it has one.
   */
  heard(id: string, facts: Beat | null, heartbeatSeconds?: number): void {
    const at = this.#options.now()
    const now = at.getTime()
    this.#allowForGap(now)
    this.#see(id, at, facts)
    const before = this.#present.get(id)
    if (!before) this.#turn(cameBack(id, at))
    this.#expected.delete(id)
    const lateMs = LATE_INTERVALS * (heartbeatSeconds === undefined ? this.#intervalMs : 1000 * heartbeatSeconds)
    const present: Present = {
      deadline: now + Math.max(this.#graceMs, 3000 * (heartbeatSeconds ?? 0)),
      lateAt: now + Math.max(lateMs, LINGER_MS),
      isDegraded: before?.isDegraded ?? false,
      observed: true,
    }
    this.#present.set(id, present)
    this.#setDegraded(id, present, this.#responses.isElevated(id))
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
    const at = this.#options.now()
    const online = ids.filter((id) => this.#present.has(id))
    const changed = await this.#options.db.worker((tx) => writeApproved(tx, ids, online, at))
    for (const id of ids) this.#options.events.publish(`device:${id}`)
    this.#options.events.publish('devices')
    this.#tell(changed.map(({ id, status }) => (status === 'online' ? cameBack(id, at) : fellSilent(id, at, true))))
  }

  /** It goes by its own will: offline at once, and nobody is alarmed while it is not overdue. */
  goodbye(id: string, reason: GoodbyeReason): void {
    const at = this.#options.now()
    this.#see(id, at, null)
    this.#leave(id, saidGoodbye(id, at, reason))
  }

  /** A closed socket is only a hint: networks blink. The deadline decides, and a device that returns is not disturbed. */
  disconnected(id: string): void {
    const present = this.#present.get(id)
    if (present) present.lateAt = Math.min(present.lateAt, this.#options.now().getTime() + LINGER_MS)
    this.#options.events.publish(`device:${id}`)
  }

  /** The device was removed: nothing of it is written any more. */
  forget(id: string): void {
    for (const known of [this.#present, this.#expected, this.#sightings, this.#turns, this.#conditions])
      known.delete(id)
    this.#responses.forget(id)
  }

  /** One step: find who fell silent, write what gathered, sign the log book. */
  async tick(): Promise<void> {
    const now = this.#options.now().getTime()
    this.#allowForGap(now)
    for (const [id, present] of this.#present) {
      if (present.deadline <= now) this.#leave(id, fellSilent(id, new Date(now), present.observed))
      else if (present.lateAt <= now) this.#setDegraded(id, present, true)
    }
    for (const [id, { turn, by }] of this.#expected) {
      if (by > now) continue
      this.#expected.delete(id)
      this.#turn({ ...turn, overdue: true })
    }
    const isUrgent = this.#turns.size + this.#conditions.size > 0
    if (isUrgent || now - this.#flushedAt >= (this.#options.flushMs ?? 2000)) await this.flush()
    if (now - this.#aliveAt >= ALIVE_EVERY_MS) await this.#writeAlive(now)
  }

  /** Marks who was silent for a week as stale, for a month as missing. Answers how many. */
  async markSilent(): Promise<number> {
    const now = this.#options.now().getTime()
    // Who came back since, or is about to, is not marked for the time in which nobody listened.
    if (now < this.#returningUntil) return 0
    await this.flush()
    let marked = 0
    for (;;) {
      const ids = await this.#options.db.worker((tx) =>
        writeSilent(tx, new Date(now - STALE_MS), new Date(now - MISSING_MS)),
      )
      if (ids.length === 0) return marked
      marked += ids.length
      this.#publish(ids)
    }
  }

  /** Resolves when everything heard before the call is in the database. */
  async flush(): Promise<void> {
    await this.#flushing
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
    })
    await this.#flushing
  }

  #takeOver(device: Standing, now: number, gap: number): void {
    const shift = gap + this.#intervalMs + Math.min(MAX_RECONNECT_MS, 2 * gap)
    const latest = now + this.#graceMs + this.#intervalMs + MAX_RECONNECT_MS
    const from = (at: Date | null, more: number) => Math.min((at?.getTime() ?? now) + more + shift, latest)
    if (device.usual_ms !== null)
      this.#responses.restore(device.id, { usualMs: device.usual_ms, elevated: device.elevated })
    if (device.status === 'online') {
      const deadline = from(device.last_seen_at, this.#graceMs)
      const observed = gap <= ALIVE_EVERY_MS
      this.#present.set(device.id, { deadline, lateAt: deadline, isDegraded: device.degraded, observed })
    } else if (device.expected_back_at && !device.overdue) {
      const by = Math.max(device.expected_back_at.getTime(), now + Math.min(shift, latest - now))
      for (const turn of lastTurn(device, 0)) this.#expected.set(device.id, { turn, by })
    }
  }

  /** A process that slept, or a clock that was set, did not listen either. */
  #allowForGap(now: number): void {
    const gap = now - this.#tickedAt
    this.#tickedAt = now
    if (gap >= 0 && gap <= ALIVE_EVERY_MS) return
    for (const present of this.#present.values()) {
      present.deadline += gap
      present.lateAt += gap
      present.observed = false
    }
    for (const expected of this.#expected.values()) expected.by += gap
    this.#notObserved(now, gap)
  }

  #notObserved(now: number, gap: number): void {
    this.#returningUntil = now + MAX_RECONNECT_MS + this.#graceMs
    this.#options.log.warn({ gapMs: gap }, 'presence was not observed for a while')
  }

  #see(id: string, at: Date, facts: Beat | null): void {
    const before = this.#sightings.get(id)
    const responses = facts ? this.#responses.measured(id, facts.roundTripMs ?? null) : (before?.responses ?? null)
    this.#sightings.set(id, { id, at, facts: facts ?? before?.facts ?? null, responses })
  }

  #setDegraded(id: string, present: Present, isDegraded: boolean): void {
    if (present.isDegraded === isDegraded) return
    present.isDegraded = isDegraded
    this.condition(id, 'degraded', isDegraded)
  }

  /** Offline: nothing finer is said of its connection. */
  #leave(id: string, turn: PresenceTurn): void {
    const present = this.#present.get(id)
    if (present) this.#setDegraded(id, present, false)
    this.#present.delete(id)
    this.#turn(turn)
    if (turn.expectedBackAt) this.#expected.set(id, { turn, by: turn.expectedBackAt.getTime() })
  }

  #turn(turn: PresenceTurn): void {
    this.#turns.set(turn.deviceId, turn)
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
    let turned: Set<string>
    try {
      turned = await this.#options.db.worker(async (tx) => {
        await writeSightings(tx, sortedById(sightings))
        const written = await writeTurns(tx, sortedById(turns))
        await writeConditions(tx, conditions)
        return written
      })
    } catch (error) {
      // What came meanwhile is newer and stays; the rest is tried again with it.
      for (const [id, sighting] of sightings) if (!this.#sightings.has(id)) this.#sightings.set(id, sighting)
      for (const [id, turn] of turns) if (!this.#turns.has(id)) this.#turns.set(id, turn)
      for (const [id, changes] of conditions) this.#conditions.set(id, merged(changes, this.#conditions.get(id)))
      throw error
    }
    fault('presence.flushed')
    this.#publish([...turns.keys(), ...conditions.keys()])
    this.#tell([...turns.values()].filter((turn) => turned.has(turn.deviceId)))
  }

  #publish(ids: readonly string[]): void {
    for (const id of new Set(ids)) this.#options.events.publish(`device:${id}`)
    if (ids.length > 0) this.#options.events.publish('devices')
  }

  #tell(turns: readonly PresenceTurn[]): void {
    if (turns.length > 0) this.#options.turned?.(turns)
  }

  async #writeAlive(now: number): Promise<void> {
    this.#aliveAt = now
    await this.#options.db.worker((tx) => writeAlive(tx, new Date(now)))
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.log.error({ err: error }, 'presence could not be written'))
  }
}

/** The turn that the device's row shows, where it is not older than that. */
function lastTurn(device: Standing, from: number): PresenceTurn[] {
  const { id, status, status_changed_at: at } = device
  if (status === 'pending' || at === null || at.getTime() < from) return []
  const turn = status === 'online' ? cameBack(id, at) : fellSilent(id, at, device.status_observed)
  const { status_expected: expected, expected_back_at: expectedBackAt, overdue } = device
  return [{ ...turn, expected, expectedBackAt, overdue }]
}

function sortedById<T>(entries: ReadonlyMap<string, T>): T[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
}

const merged = (older: ConditionChanges, newer: ConditionChanges = new Map()): Map<string, boolean> =>
  new Map([...older, ...newer])
