/** What is not well, in memory: by device and by place, the alerts that stand for others, and what has to be written. */
import type { Environment } from '../../../kernel/context.ts'
import type { Rule } from '../rule-rows.ts'
import type { Observation, Place } from './observation.ts'
import { FLAPPING, Watched } from './watched.ts'

export interface BookOptions {
  environment: Environment
  /** An alert has just opened: who stands for it, and whether anybody needs to be told. */
  opened(watched: Watched): void
}

const keyOf = (ruleId: string, instance: string): string => `${ruleId} ${instance}`
/** Places without a device have keys that no device has. */
const placeOf = ({ deviceId, organizationId, siteId }: Place): string => deviceId ?? `${organizationId} ${siteId ?? ''}`

export class Book {
  readonly #options: BookOptions
  readonly #places = new Map<string, Map<string, Watched>>()
  readonly #children = new Map<string, Set<Watched>>()
  /** Of alerts that closed a moment ago: when they began and ceased. */
  readonly #lately = new Map<string, readonly number[]>()
  dirty = new Set<Watched>()

  constructor(options: BookOptions) {
    this.#options = options
  }

  get size(): number {
    let size = 0
    for (const place of this.#places.values()) size += place.size
    return size
  }

  of(place: Place): ReadonlyMap<string, Watched> | undefined {
    return this.#places.get(placeOf(place))
  }

  find(rule: Pick<Rule, 'id'>, place: Place, instance: string): Watched | undefined {
    return this.#places.get(placeOf(place))?.get(keyOf(rule.id, instance))
  }

  *all(): Generator<Watched> {
    for (const place of this.#places.values()) yield* place.values()
  }

  /** What is watched of a device by one rule. */
  *byRule(place: Place, ruleId: string): Generator<Watched> {
    for (const watched of this.of(place)?.values() ?? []) if (watched.rule.id === ruleId) yield watched
  }

  childrenOf(alertId: string): ReadonlySet<Watched> {
    return this.#children.get(alertId) ?? new Set()
  }

  observe(rule: Rule, place: Place, instance: string, seen: Observation, mostGapMs?: number): Watched | undefined {
    const known = this.find(rule, place, instance)
    if (!known && seen.fires === null) return undefined
    const watched =
      known ??
      new Watched({
        rule,
        place,
        instance,
        since: seen.at,
        ...(mostGapMs !== undefined && { mostGapMs }),
        newId: this.#options.environment.newId,
        transitions: this.lately(place, rule.id, instance),
      })
    if (!known) this.put(watched)
    this.change(watched, seen.at, () => watched.observe(seen))
    return watched
  }

  /** Whatever is done to a watched condition is done here, so that it gets written. */
  change(watched: Watched, at: number, work: () => void): void {
    const before = watched.alert
    const parentBefore = before?.parentId
    work()
    if (before === null && watched.alert !== null) this.#options.opened(watched)
    if (watched.isDue) this.dirty.add(watched)
    if (watched.alert && watched.alert.parentId !== parentBefore) {
      this.#leave(watched, parentBefore ?? null)
      this.#join(watched, watched.alert.parentId)
    }
    if (watched.ended) this.remove(watched, at)
  }

  /** What was stored before. */
  put(watched: Watched): void {
    const place = placeOf(watched.place)
    const there = this.#places.get(place) ?? new Map<string, Watched>()
    this.#places.set(place, there.set(keyOf(watched.rule.id, watched.instance), watched))
    if (watched.alert) this.#join(watched, watched.alert.parentId)
  }

  /** When it began and ceased before. */
  lately(place: Place, ruleId: string, instance: string): readonly number[] {
    return this.#lately.get(`${placeOf(place)} ${keyOf(ruleId, instance)}`) ?? []
  }

  remember(place: Place, ruleId: string, instance: string, transitions: readonly number[]): void {
    this.#lately.set(`${placeOf(place)} ${keyOf(ruleId, instance)}`, transitions)
  }

  /** What began and ceased too long ago to count as flapping. */
  forget(now: number): void {
    for (const [key, times] of this.#lately) {
      if (now - (times.at(-1) ?? 0) > FLAPPING.withinMs) this.#lately.delete(key)
    }
  }

  #join(watched: Watched, parentId: string | null): void {
    if (parentId === null) return
    const children = this.#children.get(parentId) ?? new Set<Watched>()
    this.#children.set(parentId, children.add(watched))
  }

  /** It is not watched any more; what is to be written of it still is. */
  remove(watched: Watched, at: number): void {
    const place = placeOf(watched.place)
    const key = keyOf(watched.rule.id, watched.instance)
    const there = this.#places.get(place)
    // Another may have taken its place meanwhile.
    if (there?.get(key) === watched) there.delete(key)
    if (there?.size === 0) this.#places.delete(place)
    const { alert, transitions } = watched
    if (alert === null) return
    if (at - (transitions.at(-1) ?? 0) < FLAPPING.withinMs) this.#lately.set(`${place} ${key}`, transitions)
    this.#leave(watched, alert.parentId)
  }

  #leave(watched: Watched, parentId: string | null): void {
    if (parentId === null) return
    const siblings = this.#children.get(parentId)
    siblings?.delete(watched)
    if (siblings?.size === 0) this.#children.delete(parentId)
  }
}
