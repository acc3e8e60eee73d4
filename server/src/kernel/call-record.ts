/** What the audit will say of one call, gathered while it walks through the door. */
import type { Denial } from '@breeze/contract/governance'
import { z } from 'zod'
import { organizationsOf } from './blast-radius.ts'
import { rowAccess, type Caller } from './caller.ts'
import { draftFor, type Draft, type EntryKind } from './audit/entry.ts'
import type { PolicyDecision } from './gates/confirmation.ts'
import { maskSecrets } from './redact.ts'
import type { Admitted } from './admission.ts'
import type { Target } from './tool.ts'

export class CallRecord {
  readonly callId: string
  readonly startedAt: Date
  readonly #caller: Caller
  readonly #tool: string
  #input: unknown
  #admitted: Admitted | null = null
  /** The caller as far as they are let in. */
  #acting: Caller
  #targets: readonly Target[] = []
  #details: Record<string, unknown> = {}
  /** Before `running`, an error is a refusal; from then on, a failure. */
  stage: 'gates' | 'running' = 'gates'

  constructor(caller: Caller, callId: string, startedAt: Date, tool: string, input: unknown) {
    this.#caller = caller
    this.#acting = caller
    this.callId = callId
    this.startedAt = startedAt
    this.#tool = tool
    this.#input = input
  }

  get tier(): number | null {
    return this.#admitted?.call.action.tier ?? null
  }

  admitted(admitted: Admitted, acting: Caller): void {
    this.#admitted = admitted
    this.#acting = acting
    const { actingBy } = acting
    if (actingBy.length > 0) this.#details['elevations'] = actingBy.map(({ id, scope }) => ({ id, scope }))
    if (admitted.tool.deviceText && !admitted.call.control.dryRun) this.#details['device_text'] = true
    if (admitted.call.standsFor) this.#details['stands_for'] = admitted.judged.tool.name
    if (admitted.call.control.dryRun) this.#details['dry_run'] = true
  }

  targets(targets: readonly Target[]): void {
    this.#targets = targets
  }

  /** Values of the input that turned out to be secrets under a name that did not tell. */
  conceal(values: readonly string[]): void {
    if (values.length === 0) return
    this.#input = withoutValues(this.#input, new Set(values))
  }

  policy(policy: PolicyDecision, operation: string | null): void {
    this.#details['confirmation'] = { asked: policy.asked, applied: policy.applied }
    if (operation) this.#details['operation'] = operation
  }

  /** Beyond an elevation nothing is told from what does not exist; so that the caller understands, how far it goes. */
  explained(denial: Denial): Denial {
    const { actingBy, organizations } = this.#acting
    if (denial.code !== 'not_found' || actingBy.length === 0) return denial
    const places = [...organizations.values()].map(({ name }) => name).join(', ')
    return {
      ...denial,
      remedy: `${denial.remedy} For a while, this credential may do this at ${places}, and nowhere else.`,
    }
  }

  note(details: Readonly<Record<string, unknown>>): void {
    Object.assign(this.#details, details)
  }

  /**
   * One draft per organization touched, so that each organization's audit is whole by itself. A call over several of them
   * says in each only what concerns it: its input and reason name the others' things, and stand in the partner's entry.
   */
  drafts(kind: EntryKind, at: Date, said: Partial<Draft>): Draft[] {
    const organizations = this.#organizations()
    const [only = null, another] = organizations
    if (another === undefined && !this.#namesOthersThan(only)) return [this.#draft(kind, at, only, this.#targets, said)]
    const shared = organizations.map((organizationId): Draft => {
      const own = this.#targets.filter((target) => target.organizationId === organizationId)
      const draft = this.#draft(kind, at, organizationId, own, said)
      return { ...draft, input: { withheld: 'this call was about several organizations' }, reason: null }
    })
    return [this.#draft(kind, at, null, this.#targets, said), ...shared]
  }

  #draft(
    kind: EntryKind,
    at: Date,
    organizationId: string | null,
    targets: readonly Target[],
    said: Partial<Draft>,
  ): Draft {
    const draft = draftFor(this.#caller, kind, at)
    const listed = targets.length > 0 && {
      targets: targets.slice(0, 50).map((target) => target.id),
      target_count: targets.length,
    }
    return {
      ...draft,
      organizationId,
      callId: this.callId,
      tool: storable(this.#tool).slice(0, 100),
      action: this.#admitted?.judged.call.action.name ?? null,
      tier: this.tier,
      durationMs: kind === 'outcome' ? Math.max(0, at.getTime() - this.startedAt.getTime()) : null,
      input: bounded(this.#input),
      ...said,
      details: { ...draft.details, ...this.#details, ...listed },
    }
  }

  /** A filter over several organizations may match in one of them only: its people must not read the others' names there. */
  #namesOthersThan(organizationId: string | null): boolean {
    if (organizationId === null || this.#caller.organizations.size < 2) return false
    // Names of sites are not known here: of several, some may be another organization's.
    if (namesSeveralSites(this.#input)) return true
    const text = JSON.stringify(bounded(this.#input) ?? null).toLowerCase()
    return [...this.#caller.organizations.values()].some(({ id, name }) => {
      const written = JSON.stringify(name.toLowerCase())
      // A short name stands in many words; it counts where it stands alone.
      return (
        id !== organizationId && (text.includes(id) || text.includes(name.length < 4 ? written : written.slice(1, -1)))
      )
    })
  }

  #organizations(): (string | null)[] {
    const touched = organizationsOf(this.#targets)
    if (touched.length > 0) return touched
    // A read over everything belongs to the one organization it could reach, else to the partner.
    if (!this.#admitted) return [null]
    const reach = rowAccess(this.#acting, this.#admitted.judged.call.action.permission)
    const visible = [...reach.whole, ...reach.limited]
    return visible.length === 1 && !reach.partnerWide ? visible : [null]
  }
}

const siteFilter = z
  .object({ site: z.unknown(), filter: z.object({ site: z.unknown() }).partial().catch({}) })
  .partial()

function namesSeveralSites(input: unknown): boolean {
  const parsed = siteFilter.safeParse(input)
  if (!parsed.success) return false
  return [parsed.data.site, parsed.data.filter?.site].some((site) => Array.isArray(site) && site.length > 1)
}

function withoutValues(value: unknown, hidden: ReadonlySet<string>): unknown {
  if (typeof value === 'string' || typeof value === 'number') return hidden.has(String(value)) ? '[masked]' : value
  if (Array.isArray(value)) return value.map((item) => withoutValues(item, hidden))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutValues(item, hidden)]))
}

const MAX_INPUT = 20_000

/** The audit keeps what was asked, not megabytes of it. Masked before it is cut, while names still tell what is secret. */
function bounded(input: unknown): unknown {
  const text = JSON.stringify(input ?? null)
  if (text.length <= MAX_INPUT) return input
  return { truncated: true, bytes: text.length, start: JSON.stringify(maskSecrets(input)).slice(0, MAX_INPUT) }
}

/** A name nobody declared may hold what PostgreSQL's text can't, which would fail the write of everybody's entries. */
const storable = (name: string): string => name.replaceAll(/[^\x20-\x7e]/g, '?')
