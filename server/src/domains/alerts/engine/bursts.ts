/** One rule that fires on many devices of an organization within a minute is one alert, with theirs as its children. */
import type { Rule, RuleOf } from '../rule-rows.ts'
import type { Book } from './book.ts'
import type { Directory } from './directory.ts'
import { over, there, type Place } from './observation.ts'
import type { Plans } from './plans.ts'
import type { Watched } from './watched.ts'

const MINUTE_MS = 60_000
/** Nothing new for so long, and it is no longer going on. */
const QUIET_MS = 600_000
/** So few that each speaks for itself. */
const FEW = 3

interface Burst {
  rule: Rule
  place: Place
  /** The rule that fires so often. */
  instance: string
  latestAt: number
}

export class Bursts {
  readonly #book: Book
  readonly #directory: Directory
  readonly #plans: () => Plans
  /** By organization and rule: alerts of the last minute. */
  readonly #recent = new Map<string, Watched[]>()
  readonly #bursts = new Map<string, Burst>()

  constructor(options: { book: Book; directory: Directory; plans(): Plans }) {
    this.#book = options.book
    this.#directory = options.directory
    this.#plans = options.plans
  }

  /** An alert of a device opened, and nobody else stands for it. */
  opened(watched: Watched, now: number): void {
    const { deviceId, organizationId } = watched.place
    const device = deviceId === null ? undefined : this.#directory.get(deviceId)
    const rule = device && this.#plans().ofPlace('burst', { ...device, siteId: null })
    if (!rule) return
    const key = `${organizationId} ${watched.rule.id}`
    const burst = this.#bursts.get(key)
    const parent = burst && this.#watched(burst)
    if (burst && parent && now - burst.latestAt < QUIET_MS) {
      burst.latestAt = now
      this.#join(parent, watched, now)
      return
    }
    const recent = [
      ...(this.#recent.get(key) ?? []).filter((one) => now - (one.alert?.openedAt ?? 0) < MINUTE_MS),
      watched,
    ]
    this.#recent.set(key, recent)
    if (recent.length > rule.condition.alerts_per_minute) this.#begin(key, rule, recent, now)
  }

  /** A person closed it, and it went on. */
  reopened(burst: Watched): void {
    if (burst.reopens === null || burst.alert === null) return
    for (const child of this.#book.childrenOf(burst.reopens)) this.#join(burst, child, burst.alert.openedAt)
  }

  restore(watched: Watched): void {
    const latestAt = watched.alert?.lastSeenAt ?? watched.observedAt
    const { rule, place, instance } = watched
    this.#bursts.set(`${place.organizationId} ${instance}`, { rule, place, instance, latestAt })
  }

  #watched({ rule, place, instance }: Burst): Watched | undefined {
    return this.#book.find(rule, place, instance)
  }

  tick(now: number): void {
    for (const [key, recent] of this.#recent) {
      if (recent.every((one) => now - (one.alert?.openedAt ?? 0) >= MINUTE_MS)) this.#recent.delete(key)
    }
    for (const [key, burst] of this.#bursts) this.#follow(key, burst, now)
  }

  #begin(key: string, rule: RuleOf<'burst'>, recent: readonly Watched[], now: number): void {
    const [first] = recent
    if (!first) return
    const place: Place = { deviceId: null, organizationId: first.place.organizationId, siteId: null }
    const describe = () => ({
      title: `${first.rule.name}: ${recent.length} devices within a minute`,
      detail: {
        value: recent.length,
        threshold: rule.condition.alerts_per_minute,
        unit: 'alerts',
        rule: first.rule.name,
      },
    })
    const watched = this.#book.observe(rule, place, first.rule.id, there(now, rule.severity, describe, recent.length))
    if (!watched?.alert) return
    this.#recent.delete(key)
    this.#bursts.set(key, { rule, place, instance: first.rule.id, latestAt: now })
    for (const one of recent) this.#join(watched, one, now)
  }

  #join(burst: Watched, watched: Watched, now: number): void {
    const parent = burst.alert?.id
    if (parent !== undefined) this.#book.change(watched, now, () => watched.suppress('parent', parent, now))
  }

  /** It lasts while more than a few of its alerts do. */
  #follow(key: string, burst: Burst, now: number): void {
    const watched = this.#watched(burst)
    if (!watched) {
      this.#bursts.delete(key)
      return
    }
    const children = [...this.#book.childrenOf(watched.alert?.id ?? '')]
    if (watched.alert === null || children.length > FEW || now - burst.latestAt < QUIET_MS) return
    this.#book.change(watched, now, () => watched.observe(over(now, children.length)))
    for (const child of children) {
      if (child.alert?.suppressed === 'parent') this.#book.change(child, now, () => child.surface(now))
    }
  }
}
