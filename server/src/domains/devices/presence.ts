/**
 * Which devices are there. Heartbeats go to memory and are written together; a status changes by hearing a device, by its
 * goodbye, or by silence that lasted longer than the grace period while this server was listening.
 */
import type { GoodbyeReason } from '@breeze/contract/agent-protocol'
import { fault } from '../../kernel/faults.ts'
import { Gathered } from './presence-gathered.ts'
import { cameBack, fellSilent, type PresenceTurn, saidGoodbye } from './presence-turns.ts'
import type { PresenceOptions } from './presence-options.ts'
import { markSilent } from './presence-silence.ts'
import { lastTurn, readAlive, readStanding, type Standing, writeAlive } from './presence-standing.ts'
import { type Beat, writeApproved } from './presence-writes.ts'
import { ResponseTimes } from './response-times.ts'

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

export class Presence {
  readonly #options: PresenceOptions
  readonly #graceMs: number
  readonly #intervalMs: number
  readonly #present = new Map<string, Present>()
  /** Devices that said when they come back: by when. */
  readonly #expected = new Map<string, { turn: PresenceTurn; by: number }>()
  readonly #responses = new ResponseTimes()
  #gathered = new Gathered()
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
    this.#gathered.condition(id, name, isThere)
    this.#writeSoon()
  }

  /** A person approved these: they are shown as what they are. */
  async approved(ids: readonly string[]): Promise<void> {
    await this.flush()
    const at = this.#options.now()
    const online = ids.filter((id) => this.#present.has(id))
    const changed = await this.#options.db.worker((tx) => writeApproved(tx, ids, online, at))
    this.#publish(ids)
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
    for (const known of [this.#present, this.#expected]) known.delete(id)
    for (const known of [this.#gathered, this.#responses]) known.forget(id)
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
    if (this.#gathered.isUrgent || now - this.#flushedAt >= (this.#options.flushMs ?? 2000)) await this.flush()
    if (now - this.#aliveAt >= ALIVE_EVERY_MS) await this.#writeAlive(now)
  }

  /** Marks who was silent for a week as stale, for a month as missing. Answers how many. */
  async markSilent(): Promise<number> {
    const now = this.#options.now().getTime()
    // Who came back since, or is about to, is not marked for the time in which nobody listened.
    if (now < this.#returningUntil) return 0
    await this.flush()
    let marked = 0
    for await (const ids of markSilent(this.#options.db, new Date(now))) {
      marked += ids.length
      this.#publish(ids)
    }
    return marked
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
    const returnMs = this.#intervalMs + Math.min(MAX_RECONNECT_MS, 2 * gap)
    if (device.usual_ms !== null)
      this.#responses.restore(device.id, { usualMs: device.usual_ms, elevated: device.elevated })
    if (device.status === 'online') {
      const shifted = (device.last_seen_at?.getTime() ?? now) + this.#graceMs + gap + returnMs
      const deadline = Math.min(shifted, now + this.#graceMs + this.#intervalMs + MAX_RECONNECT_MS)
      const observed = gap <= ALIVE_EVERY_MS
      this.#present.set(device.id, { deadline, lateAt: deadline, isDegraded: device.degraded, observed })
    } else if (device.expected_back_at && !device.overdue) {
      const by = Math.max(device.expected_back_at.getTime(), now + returnMs)
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
    const before = this.#gathered.sighting(id)
    const responses = facts ? this.#responses.measured(id, facts.roundTripMs ?? null) : (before?.responses ?? null)
    this.#gathered.see({ id, at, facts: facts ?? before?.facts ?? null, responses })
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
    this.#gathered.turn(turn)
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
    const gathered = this.#gathered
    if (gathered.isEmpty) return
    this.#gathered = new Gathered()
    let turned: PresenceTurn[]
    try {
      turned = await this.#options.db.worker((tx) => gathered.write(tx))
    } catch (error) {
      this.#gathered.putBack(gathered)
      throw error
    }
    fault('presence.flushed')
    this.#publish(gathered.changed)
    this.#tell(turned)
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
