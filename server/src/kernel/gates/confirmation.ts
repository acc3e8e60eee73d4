/**
 * GOV-6: how a call of tier 2–3 is confirmed. Rules are data; the most specific wins within an organization, and the
 * strictest organization of a call decides. Without a rule, tier 2 is left to the client's own dialog and tier 3 goes by
 * blast radius.
 */
import { type Area, CONFIRMATION_POLICIES, type ConfirmationPolicy } from '@breeze/contract/governance'
import type { Caller } from '../caller.ts'
import type { ActionSpec, Target } from '../tool.ts'

export interface PolicyRule {
  organization_id: string | null
  area: string | null
  tier: number | null
  tool: string | null
  policy: ConfirmationPolicy
}

export interface PolicyDecision {
  /** What the rules ask for. */
  asked: ConfirmationPolicy
  /**
   * What is done about it. Where the client can't ask its person through the protocol, that becomes a preview; so does an
   * approval of what the operator does on the server's own machine, who could write it into the database as well.
   */
  applied: ConfirmationPolicy
}

/** What the organizations of a call say about approvals, the strictest of each. */
export interface ApprovalTerms {
  /** How long a request waits. */
  hours: number
  requesterMayDecide: boolean
  /** This credential read text lately that a device wrote, where that asks for a second person. */
  tainted: boolean
}

export const USUAL_TERMS: ApprovalTerms = { hours: 24, requesterMayDecide: false, tainted: false }

export function decidePolicy(
  caller: Caller,
  call: { action: ActionSpec; targets: readonly Target[]; organizations: readonly string[] },
  rules: readonly PolicyRule[],
  /** For each other tool that does the same: of its rules, those that name it count too. */
  others: readonly (readonly PolicyRule[])[] = [],
  tainted = false,
): PolicyDecision {
  const fallback = defaultPolicy(caller, call.action, call.targets, call.organizations)
  const alsoNamed = others.map((of) => of.filter(({ tool }) => tool !== null))
  const perOrganization = (call.organizations.length > 0 ? call.organizations : [null]).flatMap((organization) => [
    mostSpecific(rules, organization)?.policy ?? fallback,
    ...alsoNamed.flatMap((of) => mostSpecific(of, organization)?.policy ?? []),
  ])
  const asked = tainted && call.action.tier === 3 ? 'approver' : strictest(perOrganization)
  return { asked, applied: appliedTo(caller, asked) }
}

/** What was asked when a call was previewed holds, unless more is asked by now. */
export function stricterOf(previewed: PolicyDecision, now: PolicyDecision): PolicyDecision {
  return rankOf(now.asked) > rankOf(previewed.asked) ? now : previewed
}

function appliedTo(caller: Caller, asked: ConfirmationPolicy): ConfirmationPolicy {
  // Becomes `elicit` once its client's answer is in.
  if (asked === 'elicit') return 'preview'
  return asked === 'approver' && caller.credential.kind === 'operator' ? 'preview' : asked
}

function defaultPolicy(
  caller: Caller,
  action: ActionSpec,
  targets: readonly Target[],
  organizations: readonly string[],
): ConfirmationPolicy {
  if (action.tier !== 3) return 'client'
  const limits = organizations.map((id) => caller.organizations.get(id)?.approvalLimit ?? 1)
  if (targets.length > Math.min(...limits)) return 'approver'
  return targets.length === 1 && targets[0]?.critical === undefined ? 'client' : 'elicit'
}

/** Of all rules that there are, the one that decides about a tool's calls in an organization; null: in none. */
export function ruleFor(
  rules: readonly PolicyRule[],
  organization: string | null,
  call: { tool: string; area: Area; tier: number },
): PolicyRule | undefined {
  const fits = ({ area, tier, tool }: PolicyRule): boolean =>
    (area === null || area === call.area) &&
    (tier === null || tier === call.tier) &&
    (tool === null || tool === call.tool)
  return mostSpecific(rules.filter(fits), organization)
}

function mostSpecific(rules: readonly PolicyRule[], organization: string | null): PolicyRule | undefined {
  const weight = (rule: PolicyRule): number =>
    (rule.organization_id ? 8 : 0) + (rule.tool ? 4 : 0) + (rule.area ? 2 : 0) + (rule.tier ? 1 : 0)
  return rules
    .filter((rule) => rule.organization_id === null || rule.organization_id === organization)
    .sort((a, b) => weight(b) - weight(a))[0]
}

function strictest(policies: readonly ConfirmationPolicy[]): ConfirmationPolicy {
  return CONFIRMATION_POLICIES[Math.max(...policies.map(rankOf))] ?? 'approver'
}

const rankOf = (policy: ConfirmationPolicy): number => CONFIRMATION_POLICIES.indexOf(policy)
