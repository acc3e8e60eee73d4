/**
 * What would happen to a call now, tool by tool: told by the gates that judge the calls, from the registry that holds the
 * tools. Nothing is run.
 */
import type { Area, ConfirmationPolicy, Surface, Tier } from '@breeze/contract/governance'
import type { Identity } from '../../identity/authenticate.ts'
import { isDelegated, type Caller, type Credential } from '../../kernel/caller.ts'
import { ruleFor, type PolicyRule } from '../../kernel/gates/confirmation.ts'
import { mayUse, type Governance } from '../../kernel/gates/may-use.ts'
import type { LiveCount } from '../../kernel/live-limits.ts'
import type { Registry } from '../../kernel/registry.ts'
import { type ActionSpec, actionSpecs, type Tool } from '../../kernel/tool.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    risk: RiskEngine
  }
}

/** `by_reach`: no rule says; it goes by the devices that a call touches. `fixed`: no rule may hold it. */
export interface Confirmation {
  policy: ConfirmationPolicy | 'by_reach'
  from: 'default' | 'partner' | 'organization' | 'fixed'
}

export interface JudgedAction {
  name: string | null
  tier: Tier
  permission: string
  allowed: boolean
  /** Of what is refused: by which gate, why, and what can be done. */
  refusal: { code: string; reason: string; remedy: string } | null
  /** Of what acts and is allowed. */
  confirmation: Confirmation | null
}

export interface JudgedTool {
  name: string
  title: string
  area: Area
  surfaces: Surface[]
  actions: JudgedAction[]
}

export interface RiskEngineParts {
  /** Asked for late, as the next two: tools are made of what this is part of. */
  registry(): Registry
  counts(): LiveCount[]
  storedRights(principal: { userId: string; credential: Credential; scopes: null }): Promise<Identity | null>
  governance: Governance
  environment: 'production' | 'development'
}

/** For whom it is asked: in one organization, or in all that are reached. */
export interface Question {
  caller: Caller
  organizationId: string | null
  /** Assistants are off in that organization. */
  assistantsOff: boolean
  rules: readonly PolicyRule[]
}

export class RiskEngine {
  readonly #parts: RiskEngineParts

  constructor(parts: RiskEngineParts) {
    this.#parts = parts
  }

  get governance(): Governance {
    return this.#parts.governance
  }

  get environment(): RiskEngineParts['environment'] {
    return this.#parts.environment
  }

  /** Tools with an act of tier 3: what the allow-list is about. */
  highImpactTools(): string[] {
    return this.#tools().flatMap(({ name, actions }) => (actionSpecs(actions).some(isHighImpact) ? [name] : []))
  }

  /** Those nearest to their limit first. */
  counts(): LiveCount[] {
    return this.#parts.counts().sort((a, b) => b.used / b.most - a.used / a.most)
  }

  /** A key or grant with the rights that it has now; null when it opens nothing any more. */
  async holder(userId: string, credential: Credential): Promise<Caller | null> {
    const identity = await this.#parts.storedRights({ userId, credential, scopes: null })
    return identity && { ...identity, channel: 'mcp', client: null }
  }

  judge(question: Question): JudgedTool[] {
    const { organizationId } = question
    const caller = organizationId === null ? question.caller : within(question.caller, organizationId)
    return this.#tools().map((tool) => ({
      name: tool.name,
      title: tool.title,
      area: tool.area,
      surfaces: [...tool.surfaces],
      actions: actionSpecs(tool.actions).map((action) => this.#judged({ ...question, caller }, tool, action)),
    }))
  }

  #judged(question: Question, tool: Tool, action: ActionSpec & { name: string | null }): JudgedAction {
    const { name, tier, permission } = action
    const refusal = this.#refusal(question, tool, action)
    const acts = refusal === null && tier > 1
    const confirmation = acts ? confirmationOf(question, tool, tier) : null
    return { name, tier, permission, allowed: refusal === null, refusal, confirmation }
  }

  #refusal({ caller, assistantsOff }: Question, tool: Tool, action: ActionSpec): JudgedAction['refusal'] {
    if (assistantsOff && isDelegated(caller.credential) && action.tier < 4) return ASSISTANTS_OFF
    const verdict = mayUse(caller, tool, action, this.#parts.governance)
    if (verdict.verdict === 'allow') return null
    const { code, reason, remedy } = verdict.denial
    return { code, reason, remedy }
  }

  /** What only stands for other tools is judged as those are. */
  #tools(): Tool[] {
    return this.#parts
      .registry()
      .all()
      .filter((tool) => !tool.standsForOthers)
  }
}

const isHighImpact = ({ tier }: ActionSpec): boolean => tier === 3

const ASSISTANTS_OFF = {
  code: 'assistants_off',
  reason: 'Assistants are off for this organization: no key and no grant reaches it.',
  remedy: 'The partner can switch them on under Organizations & sites.',
}

function within(caller: Caller, organizationId: string): Caller {
  const organization = caller.organizations.get(organizationId)
  return {
    ...caller,
    partner: null,
    organizations: new Map(organization ? [[organizationId, organization]] : []),
    stopped: caller.stopped ?? (organization?.stopped ? `all acts in ${organization.name}` : null),
  }
}

function confirmationOf({ organizationId, rules }: Question, tool: Tool, tier: Tier): Confirmation {
  if (tool.worksWhenStopped || tool.neverHeld) return { policy: 'client', from: 'fixed' }
  const rule = ruleFor(rules, organizationId, { tool: tool.name, area: tool.area, tier })
  if (rule) return { policy: rule.policy, from: rule.organization_id === null ? 'partner' : 'organization' }
  return { policy: tier === 3 ? 'by_reach' : 'client', from: 'default' }
}
