/** Which rules watch a device, worked out once for all devices that look alike to the rules. */
import { inScope, type ScopedDevice } from '../../devices/scope.ts'
import type { Rule, RuleOf } from '../rule-rows.ts'
import type { Signal } from '../rules.ts'

export class Plan {
  readonly #bySignal: { [S in Signal]?: RuleOf<S>[] } = {}

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const same: Rule[] = (this.#bySignal[rule.signal] ??= [])
      same.push(rule)
    }
  }

  of<S extends Signal>(signal: S): readonly RuleOf<S>[] {
    return this.#bySignal[signal] ?? []
  }

  has(ruleId: string, signal: Signal): boolean {
    return this.of(signal).some((rule) => rule.id === ruleId)
  }
}

export interface Watcher extends ScopedDevice {
  partnerId: string
}

export class Plans {
  readonly rules: ReadonlyMap<string, Rule>
  readonly #ordered: readonly Rule[]
  readonly #bySignature = new Map<string, Plan>()
  /** Devices that a rule names: alike to no other. */
  readonly #named: ReadonlySet<string>

  constructor(rules: readonly Rule[]) {
    this.#ordered = rules
    this.rules = new Map(rules.map((rule) => [rule.id, rule]))
    this.#named = new Set(rules.flatMap((rule) => rule.scope.devices ?? []))
  }

  of(device: Watcher): Plan {
    const signature = this.#signature(device)
    const known = this.#bySignature.get(signature)
    if (known) return known
    const made = new Plan(this.#ordered.filter((rule) => isFor(rule, device)))
    this.#bySignature.set(signature, made)
    return made
  }

  /** The first rule of a signal that is about a place rather than a device: its organization, and its site if it names any. */
  ofPlace<S extends Signal>(signal: S, place: { partnerId: string; organizationId: string; siteId: string | null }) {
    return this.#ordered.find((rule): rule is RuleOf<S> & Rule => rule.signal === signal && covers(rule, place))
  }

  /** The rules of a signal that any device of the organization may be subject to. */
  within<S extends Signal>(signal: S, { partnerId, organizationId }: { partnerId: string; organizationId: string }) {
    const place = { partnerId, organizationId, siteId: null }
    return this.#ordered.filter((rule): rule is RuleOf<S> & Rule => rule.signal === signal && covers(rule, place))
  }

  #signature(device: Watcher): string {
    const { partnerId, organizationId, siteId, role, platform, tags, groups } = device
    const own = this.#named.has(device.id) ? device.id : ''
    return `${partnerId}\n${organizationId}\n${siteId}\n${role}\n${platform}\n${tags.join('\t')}\n${groups.join('\t')}\n${own}`
  }
}

const isFor = (rule: Rule, device: Watcher): boolean =>
  rule.partnerId === device.partnerId &&
  (rule.organizationId === null || rule.organizationId === device.organizationId) &&
  inScope(rule.scope, device)

function covers(rule: Rule, place: { partnerId: string; organizationId: string; siteId: string | null }): boolean {
  const { organizations, sites } = rule.scope
  return (
    rule.partnerId === place.partnerId &&
    (rule.organizationId === null || rule.organizationId === place.organizationId) &&
    (organizations === undefined || organizations.includes(place.organizationId)) &&
    (sites === undefined || place.siteId === null || sites.includes(place.siteId))
  )
}
