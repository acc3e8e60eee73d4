/**
 * A site that goes dark is one alert. Its devices' own alerts become its children; what is still away ten minutes after the
 * site is back speaks for itself.
 */
import { isServerLike } from '../../devices/scope.ts'
import type { WatchedDevice } from '../../devices/watched-devices.ts'
import type { Rule, RuleOf } from '../rule-rows.ts'
import type { Book } from './book.ts'
import type { Directory } from './directory.ts'
import { over, there, type Place } from './observation.ts'
import type { Plans } from './plans.ts'
import { isLost, placeOf } from './signals/offline.ts'
import type { Watched } from './watched.ts'

/** Alerts of devices that opened this long before their site's are part of the same event. */
const ADOPTED_MS = 600_000
const LEFTOVERS_MS = 600_000
const MOST_NAMED = 20

interface Outage {
  rule: Rule
  place: Place
  /** Who was lost, always-on or not. */
  lost: Set<string>
  /** Of these, on whom it is judged whether the site is there. */
  judged: Set<string>
  backAt: number | null
}

interface Loss {
  id: string
  at: number
}

export class Sites {
  readonly #book: Book
  readonly #directory: Directory
  readonly #plans: () => Plans
  readonly #losses = new Map<string, Loss[]>()
  readonly #outages = new Map<string, Outage>()

  constructor(options: { book: Book; directory: Directory; plans(): Plans }) {
    this.#book = options.book
    this.#directory = options.directory
    this.#plans = options.plans
  }

  /** After the directory knows of these turns, and before the devices' own rules are looked at. */
  turned(devices: readonly WatchedDevice[], now: number): void {
    const sites = new Map<string, WatchedDevice[]>()
    for (const device of devices) sites.set(device.siteId, [...(sites.get(device.siteId) ?? []), device])
    for (const [siteId, turned] of sites) this.#look(siteId, turned, now)
  }

  /** The alert that stands for those of a device, while its site is dark or has just come back. */
  parentOf(deviceId: string, siteId: string | null): string | null {
    const outage = siteId === null ? undefined : this.#outages.get(siteId)
    return outage?.lost.has(deviceId) ? (this.#watched(outage)?.alert?.id ?? null) : null
  }

  /** The alert of a site opened: those of its devices that were a moment quicker become its children. */
  opened(watched: Watched): void {
    const outage = this.#outages.get(watched.place.siteId ?? '')
    for (const id of outage?.lost ?? []) this.#adopt(id, watched)
  }

  /** An alert that was open when the server stopped: who was lost then is who is away since about then. */
  restore(watched: Watched): void {
    const { siteId } = watched.place
    const { alert } = watched
    if (siteId === null || alert === null) return
    const lost = [...this.#directory.all()].filter(
      (device) =>
        device.siteId === siteId &&
        isLost(device) &&
        Math.abs((device.statusChangedAt?.getTime() ?? 0) - alert.openedAt) < ADOPTED_MS,
    )
    const children = [...this.#book.childrenOf(alert.id)].flatMap(({ place }) => place.deviceId ?? [])
    const ids = [...lost.map((device) => device.id), ...children]
    const judged = lost.filter((device) => isServerLike(device.role)).map((device) => device.id)
    const backAt = alert.state === 'clearing' ? alert.stateSince : null
    const { rule, place } = watched
    this.#outages.set(siteId, {
      rule,
      place,
      backAt,
      lost: new Set(ids),
      judged: new Set(judged.length > 0 ? judged : ids),
    })
  }

  /** Who is left behind ten minutes after its site came back. */
  tick(now: number): void {
    for (const [siteId, outage] of this.#outages) {
      if (outage.backAt === null || now - outage.backAt < LEFTOVERS_MS) continue
      for (const id of outage.lost) this.#surface(id, now)
      if (!this.#watched(outage)) this.#outages.delete(siteId)
    }
  }

  #watched({ rule, place }: Outage): Watched | undefined {
    return this.#book.find(rule, place, '')
  }

  #surface(deviceId: string, now: number): void {
    for (const child of this.#ownAlerts(deviceId)) {
      if (child.alert?.suppressed === 'parent' && child.alert.state === 'firing')
        this.#book.change(child, now, () => child.surface(now))
    }
  }

  #ownAlerts(deviceId: string): Watched[] {
    const device = this.#directory.get(deviceId)
    const all = device ? [...(this.#book.of(placeOf(device))?.values() ?? [])] : []
    return all.filter((one) => one.rule.signal === 'device_offline')
  }

  #look(siteId: string, turned: readonly WatchedDevice[], now: number): void {
    const [first] = turned
    const rule = first && this.#plans().ofPlace('site_offline', first)
    if (!first || !rule) return
    const outage = this.#outages.get(siteId)
    if (outage && this.#watched(outage)) this.#follow(rule, outage, turned, now)
    else this.#watch(rule, first, turned, now)
  }

  #watch(rule: RuleOf<'site_offline'>, first: WatchedDevice, turned: readonly WatchedDevice[], now: number): void {
    const { siteId } = first
    const gone = turned.filter((device) => isLost(device) && device.observed)
    const backAgain = new Set(turned.filter((device) => device.status === 'online').map((device) => device.id))
    const fresh = gone.map((device) => ({ id: device.id, at: device.statusChangedAt?.getTime() ?? now }))
    const latest = Math.max(...fresh.map((loss) => loss.at), 0)
    const within = rule.condition.within_seconds * 1000
    const losses = [...(this.#losses.get(siteId) ?? []), ...fresh].filter(
      (loss) => latest - loss.at <= within && now - loss.at <= ADOPTED_MS && !backAgain.has(loss.id),
    )
    if (losses.length === 0) this.#losses.delete(siteId)
    else this.#losses.set(siteId, losses)
    if (gone.length === 0) return
    const lost = new Set(losses.map((loss) => loss.id))
    const judged = this.#judged(rule, siteId, lost)
    if (judged) this.#open(rule, first, { lost, judged: judged.lost, there: judged.there }, latest)
  }

  /** The lost ones on whom it is judged, where they are enough; null where they are not. */
  #judged(rule: RuleOf<'site_offline'>, siteId: string, lost: ReadonlySet<string>) {
    const here = [...this.#directory.all()].filter(
      (device) => device.siteId === siteId && (device.status === 'online' || lost.has(device.id)),
    )
    const always = here.filter((device) => isServerLike(device.role))
    const { least, share } = rule.condition
    // A site with a handful of machines that are always on is judged by these: people take their laptops home.
    const population = always.length >= least ? always : here
    const gone = population.filter((device) => lost.has(device.id)).map((device) => device.id)
    const isDark = gone.length >= Math.max(least, share * population.length)
    return isDark ? { lost: new Set(gone), there: population.length } : null
  }

  #open(
    rule: RuleOf<'site_offline'>,
    { organizationId, siteId }: WatchedDevice,
    { lost, judged, there: population }: { lost: Set<string>; judged: Set<string>; there: number },
    at: number,
  ): void {
    const place: Place = { deviceId: null, organizationId, siteId }
    const names = [...lost].slice(0, MOST_NAMED).map((id) => ({ id, name: this.#directory.get(id)?.name ?? id }))
    this.#losses.delete(siteId)
    // Before the alert opens: whoever was lost becomes its child then.
    this.#outages.set(siteId, { rule, place, lost, judged, backAt: null })
    const describe = () => ({
      title: `Site offline: ${judged.size} of ${population} devices fell silent at once`,
      detail: { value: judged.size, threshold: population, unit: 'devices', lost: lost.size, devices: names },
    })
    this.#book.observe(rule, place, '', there(at, rule.severity, describe, judged.size))
  }

  #adopt(deviceId: string, watched: Watched): void {
    const { alert } = watched
    if (alert === null) return
    for (const one of this.#ownAlerts(deviceId)) {
      const isOlder = alert.openedAt - (one.alert?.openedAt ?? 0) > ADOPTED_MS
      if (!one.alert || (isOlder && one.alert.parentId === null)) continue
      this.#book.change(one, alert.openedAt, () => one.suppress('parent', alert.id, alert.openedAt))
    }
  }

  #follow(rule: RuleOf<'site_offline'>, outage: Outage, turned: readonly WatchedDevice[], now: number): void {
    const { lost, judged } = outage
    const watched = this.#watched(outage)
    if (!watched) return
    for (const device of turned) if (isLost(device) && outage.backAt === null) lost.add(device.id)
    const away = [...judged].filter((id) => {
      const device = this.#directory.get(id)
      return device !== undefined && isLost(device)
    }).length
    const { least, share } = rule.condition
    const isDark = away >= Math.max(Math.min(least, judged.size), share * judged.size)
    const latest = Math.max(...turned.map((one) => one.statusChangedAt?.getTime() ?? now))
    const at = Math.max(watched.observedAt, Math.min(now, latest))
    if (isDark) outage.backAt = null
    else outage.backAt ??= at
    const title = watched.alert?.title ?? rule.name
    const seen = isDark ? there(at, rule.severity, () => ({ title, detail: {} }), away) : over(at, away)
    this.#book.change(watched, at, () => watched.observe(seen))
  }
}
