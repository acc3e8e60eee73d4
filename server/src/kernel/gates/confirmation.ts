/**
 * GOV-6: how a call of tier 2–3 is confirmed. Rules are data; the most specific wins within an organization, and the
 * strictest organization of a call decides. Without a rule, tier 2 is left to the client's own dialog and tier 3 goes by
 * blast radius.
 */
import { CONFIRMATION_POLICIES, type Area, type ConfirmationPolicy } from '@breeze/contract/governance'
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
  call: { tool: string; area: Area; action: ActionSpec; targets: readonly Target[]; organizations: readonly string[] },
  rules: readonly PolicyRule[],
  tainted = false,
): PolicyDecision {
  const fallback = defaultPolicy(caller, call.action, call.targets, call.organizations)
  const perOrganization = (call.organizations.length > 0 ? call.organizations : [null]).map(
    (organization) => mostSpecific(rules, organization)?.policy ?? fallback,
  )
  const asked = tainted && call.action.tier === 3 ? 'approver' : strictest(perOrganization)
  return { asked, applied: appliedTo(caller, asked) }
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

function mostSpecific(rules: readonly PolicyRule[], organization: string | null): PolicyRule | undefined {
  const weight = (rule: PolicyRule): number =>
    (rule.organization_id ? 8 : 0) + (rule.tool ? 4 : 0) + (rule.area ? 2 : 0) + (rule.tier ? 1 : 0)
  return rules
    .filter((rule) => rule.organization_id === null || rule.organization_id === organization)
    .sort((a, b) => weight(b) - weight(a))[0]
}

function strictest(policies: readonly ConfirmationPolicy[]): ConfirmationPolicy {
  const rank = Math.max(...policies.map((policy) => CONFIRMATION_POLICIES.indexOf(policy)))
  return CONFIRMATION_POLICIES[rank] ?? 'approver'
}
