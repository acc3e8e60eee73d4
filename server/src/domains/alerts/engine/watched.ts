/**
 * One condition in one place that is not well: pending until it held long enough, then an alert that fires, clears and
 * closes. A machine without I/O: it is told what was seen and when, and gathers the events that are to be written.
 */
import type { Rule } from '../rule-rows.ts'
import type { AlertState, Severity, Suppression } from '../tables.ts'
import { isWorse, type Description, type NewEvent, type Observation, type Place } from './observation.ts'

/** What merely goes on is written this often. */
const REFRESH_MS = 300_000
const PENDING_REFRESH_MS = 120_000

export const FLAPPING = { transitions: 4, withinMs: 3_600_000, stableMs: 1_800_000 }

export interface OpenAlert {
  id: string
  severity: Severity
  state: AlertState
  stateSince: number
  title: string
  detail: Record<string, unknown>
  occurrences: number
  openedAt: number
  lastSeenAt: number
  resolvedAt: number | null
  suppressed: Suppression | null
  parentId: string | null
}

export interface WatchedOptions {
  rule: Rule
  place: Place
  instance: string
  since: number
  newId(): string
  /** Longer without a sample, and it is not known to have held all the while. */
  mostGapMs?: number
  /** Of the same condition lately: an alert that was open a moment ago. */
  transitions?: readonly number[]
}

export class Watched {
  rule: Rule
  readonly place: Place
  readonly instance: string
  readonly #newId: () => string
  readonly #mostGapMs: number
  /** While no alert is open: since when it holds. */
  since: number
  /** No alert before. */
  notBefore = 0
  observedAt: number
  value: number | null = null
  alert: OpenAlert | null = null
  /** It is better than the alert says, since then: at `to` (null: over). */
  easing: { to: Severity | null; since: number } | null = null
  /** The alert is open, and what it is about was over when last seen. Between two thresholds it stays as it was. */
  isGone = false
  /** When it began or ceased lately. */
  transitions: number[]
  /** The alert of the same condition that a person closed while it held. */
  reopens: string | null = null
  /** Nothing is left to watch. */
  ended = false
  events: NewEvent[] = []
  /** What the database holds of it. */
  stored: 'nothing' | 'pending' | 'alert' = 'nothing'
  #writtenAt = -Infinity
  #changed = true
  #last: Observation | null = null

  constructor(options: WatchedOptions) {
    this.rule = options.rule
    this.place = options.place
    this.instance = options.instance
    this.since = options.since
    this.observedAt = options.since
    this.#newId = options.newId
    this.#mostGapMs = options.mostGapMs ?? Infinity
    this.transitions = [...(options.transitions ?? [])]
  }

  /** Something that is not in the database, or that was written long ago. */
  get isDue(): boolean {
    if (this.#changed || this.ended || this.events.length > 0) return true
    return this.observedAt - this.#writtenAt >= (this.alert ? REFRESH_MS : PENDING_REFRESH_MS)
  }

  /** Takes what is to be written with it. */
  take(): NewEvent[] {
    const { events } = this
    this.events = []
    this.#changed = false
    this.#writtenAt = this.observedAt
    return events
  }

  /** It could not be written. */
  giveBack(events: readonly NewEvent[]): void {
    this.events = [...events, ...this.events]
    this.#changed = true
  }

  observe(seen: Observation): void {
    if (seen.at < this.observedAt) return
    const gap = seen.at - this.observedAt
    this.observedAt = seen.at
    this.value = seen.value
    this.#last = seen
    if (this.alert) this.#follow(this.alert, seen)
    else if (seen.fires === null) this.ended = true
    else {
      if (gap > this.#mostGapMs) {
        this.since = seen.at
        this.#changed = true
      }
      this.#openIfDue(seen.at)
    }
  }

  /** Time passed without anything new to see: for what holds until the contrary is told. */
  elapse(now: number): void {
    if (this.alert === null) this.#openIfDue(now)
    else this.#settle(this.alert, now)
  }

  /** It can't be seen at present, which is not recovery. */
  silence(at: number, because: Suppression | null = null): void {
    const { alert } = this
    if (alert === null || alert.state === 'clear' || alert.resolvedAt !== null) return
    if (alert.state !== 'no_data') {
      this.easing = null
      this.isGone = false
      this.#turn(alert, 'no_data', at)
      this.#tell('no_data', at)
    }
    if (alert.suppressed !== null || because === null) return
    alert.suppressed = because
    this.#changed = true
  }

  /** Somebody stands for it from now on. */
  suppress(because: Suppression, parentId: string | null, at: number): void {
    const { alert } = this
    if (alert === null || alert.resolvedAt !== null) return
    if (alert.suppressed === null) {
      // What was not written yet is not to be told either.
      this.events = this.events.map((event) => quiet(event, because))
      this.#tell('suppressed', at, { because })
    }
    alert.suppressed = because
    alert.parentId = parentId ?? alert.parentId
    this.#changed = true
  }

  surface(at: number): void {
    const { alert } = this
    if (alert === null || alert.suppressed === null || alert.resolvedAt !== null) return
    const from = alert.suppressed
    alert.suppressed = null
    this.#tell('surfaced', at, { from })
    this.#changed = true
  }

  /** Whether it still holds or not: nobody needs to hear of it any more. */
  close(at: number, reason: string): void {
    this.ended = true
    if (this.alert && this.alert.resolvedAt === null) this.#resolve(this.alert, at, { reason })
  }

  /** A person closed the alert. Where the condition holds, it is pending again, and opens once its rule is fulfilled anew. */
  closedByPerson(at: number, pauseMs: number): Watched | null {
    const { alert } = this
    this.ended = true
    const holds =
      alert !== null && (alert.state === 'firing' || alert.state === 'flapping' || alert.state === 'no_data')
    if (!holds) return null
    const { rule, place, instance, transitions } = this
    const next = new Watched({
      rule,
      place,
      instance,
      transitions,
      since: at,
      newId: this.#newId,
      mostGapMs: this.#mostGapMs,
    })
    next.reopens = alert.id
    next.notBefore = at + pauseMs
    next.value = this.value
    next.#last = this.#last && this.#last.fires !== null ? { ...this.#last, at } : null
    return next
  }

  /** Another engine had opened it before: this one goes on with that alert. */
  adopt(alert: OpenAlert): void {
    this.alert = alert
  }

  #openIfDue(at: number): void {
    const seen = this.#last
    if (seen === null || seen.fires === null) return
    const due = Math.max(this.since + this.rule.fireAfterMs, this.notBefore)
    if (at < due) return
    // Fulfilled since then, though looked at later. Of samples it is the time of one of them: between two, nothing is known.
    const openedAt = this.#mostGapMs === Infinity ? due : Math.max(due, seen.at)
    this.#changed = true
    this.alert = {
      id: this.#newId(),
      severity: seen.fires,
      state: 'firing',
      stateSince: openedAt,
      ...this.#described(seen),
      occurrences: seen.count ?? 1,
      openedAt,
      lastSeenAt: openedAt,
      resolvedAt: null,
      suppressed: this.rule.notify ? null : 'rule',
      parentId: null,
    }
    this.#tell('opened', openedAt, seen.value === null ? undefined : { value: seen.value })
    this.#transition(this.alert, openedAt)
  }

  #described(seen: Observation): Description {
    const { title, detail } = seen.describe()
    return { title, detail: this.reopens === null ? detail : { ...detail, reopens: this.reopens } }
  }

  #follow(alert: OpenAlert, seen: Observation): void {
    if (alert.resolvedAt !== null) return
    if (alert.state === 'no_data') {
      // What flapped when it was last seen is not told of again because it could not be seen for a while.
      const flaps = this.#lately(seen.at).length >= FLAPPING.transitions
      this.#turn(alert, flaps ? 'flapping' : 'firing', seen.at)
      if (alert.suppressed === 'device_offline') alert.suppressed = null
      this.#tell('data_again', seen.at)
    }
    if (seen.fires !== null && isWorse(seen.fires, alert.severity))
      this.#changeSeverity(alert, seen.fires, seen.at, seen.describe())
    if (seen.holds === null || isWorse(alert.severity, seen.holds)) this.#ease(alert, seen.holds, seen)
    else this.#hold(alert, seen)
    this.#settle(alert, seen.at)
  }

  #hold(alert: OpenAlert, seen: Observation): void {
    this.easing = null
    alert.lastSeenAt = seen.at
    alert.occurrences += seen.count ?? 0
    this.#changed ||= seen.count !== undefined
    if (seen.fires !== null) this.#cameBack(alert, seen)
  }

  #ease(alert: OpenAlert, to: Severity | null, seen: Observation): void {
    if (alert.state === 'clear' && to === null) return
    if (this.easing?.to !== to || this.easing === null) this.easing = { to, since: seen.at }
    if (to === null) this.#went(alert, seen.at)
    else if (seen.fires !== null) this.#cameBack(alert, seen)
  }

  #cameBack(alert: OpenAlert, seen: Observation): void {
    if (!this.isGone) return
    this.isGone = false
    if (seen.count === undefined) alert.occurrences += 1
    this.#transition(alert, seen.at)
    if (alert.state === 'flapping') return
    this.#turn(alert, 'firing', seen.at)
    this.#tell('recurred', seen.at)
  }

  #went(alert: OpenAlert, at: number): void {
    if (this.isGone) return
    this.isGone = true
    this.#transition(alert, at)
    if (alert.state === 'flapping') return
    this.#turn(alert, 'clearing', at)
    if (this.rule.clearAfterMs > 0) this.#tell('clearing', at)
  }

  /** What the passing of time decides about an open alert. */
  #settle(alert: OpenAlert, at: number): void {
    if (alert.resolvedAt !== null || alert.state === 'no_data') return
    if (alert.state === 'flapping') {
      if (at - alert.stateSince < FLAPPING.stableMs) return
      if (this.easing?.to === null) this.#over(alert, at)
      else {
        this.#turn(alert, 'firing', at)
        this.#tell('steady', at)
      }
      return
    }
    const { easing } = this
    if (!easing || at - easing.since < this.rule.clearAfterMs) return
    if (easing.to === null) {
      this.#over(alert, at)
      return
    }
    this.easing = null
    this.#changeSeverity(alert, easing.to, at, null)
  }

  #over(alert: OpenAlert, at: number): void {
    this.easing = null
    if (this.rule.autoResolve) {
      this.ended = true
      this.#resolve(alert, at)
    } else this.#turn(alert, 'clear', at)
  }

  #resolve(alert: OpenAlert, at: number, detail?: Record<string, unknown>): void {
    this.#turn(alert, 'clear', at)
    alert.resolvedAt = Math.max(at, alert.openedAt)
    this.#tell('resolved', at, detail)
  }

  #changeSeverity(alert: OpenAlert, to: Severity, at: number, described: Description | null): void {
    this.#tell('severity', at, { from: alert.severity, to, worse: isWorse(to, alert.severity), value: this.value })
    alert.severity = to
    if (described) alert.title = described.title
  }

  /** It began or ceased. Often within an hour, and it flaps: that is told once, and nothing more until it is quiet. */
  #transition(alert: OpenAlert, at: number): void {
    this.transitions = [...this.#lately(at), at].slice(-16)
    if (alert.state === 'flapping') {
      alert.stateSince = at
      this.#changed = true
    } else if (this.transitions.length >= FLAPPING.transitions) {
      this.#turn(alert, 'flapping', at)
      this.#tell('flapping', at, { transitions: this.transitions.length })
    }
  }

  #lately(at: number): number[] {
    return this.transitions.filter((time) => at - time < FLAPPING.withinMs)
  }

  #turn(alert: OpenAlert, state: AlertState, at: number): void {
    alert.state = state
    alert.stateSince = at
    this.#changed = true
  }

  #tell(kind: NewEvent['kind'], at: number, detail?: Record<string, unknown>): void {
    const event = { kind, at, ...(detail && { detail }) }
    const because = this.alert?.suppressed ?? null
    this.events.push(because === null ? event : quiet(event, because))
  }
}

const quiet = (event: NewEvent, suppressed: Suppression): NewEvent => ({
  ...event,
  detail: { ...event.detail, suppressed },
})
