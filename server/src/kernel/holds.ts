/** What a call of tiers 2–3 would do, and how it waits until somebody has confirmed or approved exactly that. */
import type { Area } from '@breeze/contract/governance'
import { insertApproval, pendingAlike, readApproved, type Sealer } from './approvals.ts'
import type { Admitted } from './admission.ts'
import type { WaitingApproval } from './answers.ts'
import { describePlan, organizationsOf } from './blast-radius.ts'
import type { CallRecord } from './call-record.ts'
import { isDelegated, type Caller } from './caller.ts'
import type { Environment } from './context.ts'
import type { Tx } from './db.ts'
import { Digests, type Mac } from './digests.ts'
import {
  decidePolicy,
  stricterOf,
  USUAL_TERMS,
  type ApprovalTerms,
  type PolicyDecision,
  type PolicyRule,
} from './gates/confirmation.ts'
import type { InvokeOptions } from './kernel.ts'
import {
  cancelOperation,
  CONFIRMATION_MINUTES,
  hashToken,
  insertOperation,
  readConfirmation,
  type Confirmed,
  type Intended,
} from './operations.ts'
import type { Tasks } from './tasks.ts'
import type { Plan, PreviewResult, StepContext, Target } from './tool.ts'

/** Somebody else's decision, by which a call that waited is let in. */
export interface Approved {
  operation: string
  /** Who decided and why: for the audit. */
  decision: Readonly<Record<string, unknown>>
  /** Called once the act is durable. */
  committed(): void
}

/** One call on its way through the door. */
export interface Walk {
  caller: Caller
  admitted: Admitted
  record: CallRecord
  context: StepContext
  options: InvokeOptions
  /** As it came in. */
  input: unknown
  approved: Approved | null
}

export type Considered = Intended & { terms: ApprovalTerms }

const UNHELD: PolicyDecision = { asked: 'client', applied: 'client' }

/** Of what only a second person's word lets run, whatever the rules say. */
const ALWAYS_APPROVED: PolicyDecision = { asked: 'approver', applied: 'approver' }

export interface HoldsParts {
  environment: Environment
  sealer: Sealer & Mac
  areaOf(tool: string): Area | undefined
  tasks: Tasks
  /** The page where a request is decided. */
  approvalUrl(operation: string, expiresAt: Date): string
}

export class Holds {
  readonly digests: Digests
  readonly #parts: HoldsParts

  constructor(parts: HoldsParts) {
    this.#parts = parts
    this.digests = new Digests(parts.sealer)
  }

  async intend(walk: Walk, tx: Tx, targets: readonly Target[]): Promise<Considered> {
    const { tool, call } = walk.admitted.judged
    const organizations = organizationsOf(targets)
    const terms = await this.#terms(walk, tx, organizations)
    const effect = await call.plan({ ...walk.context, tx }, [...targets])
    const rulesOf = (name: string) =>
      tx.prepared<PolicyRule>('confirmation_policies_for', 'select * from confirmation_policies_for($1, $2, $3, $4)', [
        organizations,
        this.#parts.areaOf(name),
        call.action.tier,
        name,
      ])
    const rules = await rulesOf(tool.name)
    const others: PolicyRule[][] = []
    for (const name of effect.ruledAs ?? []) if (name !== tool.name) others.push(await rulesOf(name))
    const asked = { action: call.action, targets, organizations }
    // What stops an emergency, and what decides about a held call, must not itself wait for a confirmation.
    const policy =
      tool.worksWhenStopped || tool.neverHeld
        ? UNHELD
        : tool.needsApprover
          ? ALWAYS_APPROVED
          : decidePolicy(walk.caller, asked, rules, others, terms.tainted)
    return { tool: tool.name, call, targets, policy, effect, terms }
  }

  /** Writes the pending row before anyone is asked, and makes the token that confirms it. */
  async hold(walk: Walk, tx: Tx, intended: Intended) {
    const { caller, context, record } = walk
    const operation = context.newId()
    const token = `brzc_${this.#parts.environment.randomBytes(24).toString('base64url')}`
    const expiresAt = new Date(context.now().getTime() + CONFIRMATION_MINUTES * 60_000)
    await insertOperation(tx, this.digests, {
      id: operation,
      callId: record.callId,
      caller,
      now: context.now(),
      intended,
      state: 'awaiting_confirmation',
      confirmation: { hash: hashToken(token), expiresAt },
    })
    return { operation, confirmation: { token, expires_at: expiresAt.toISOString() } }
  }

  /** Writes the request. `confirmed`: the operation of a preview whose token the caller has used for it. */
  async request(walk: Walk, tx: Tx, intended: Considered, confirmed: string | null): Promise<WaitingApproval> {
    const { caller, context, record, input } = walk
    const now = context.now()
    const { tool, call } = walk.admitted
    if (tool.needsApprover) {
      const alike = await pendingAlike(tx, this.digests, caller, tool.name, call, now)
      if (alike) {
        // The preview whose token was spent on it has nothing of its own to wait for.
        if (confirmed !== null) await cancelOperation(tx, confirmed, now)
        await this.#parts.tasks.waits(walk, tx, alike.operation)
        return this.#waiting(alike.operation, alike.expiresAt)
      }
    }
    const operation = confirmed ?? context.newId()
    if (confirmed === null) {
      const row = { id: operation, callId: record.callId, caller, now, intended, confirmation: null }
      await insertOperation(tx, this.digests, { ...row, state: 'awaiting_approval' })
    }
    const plan = describePlan(intended.effect, intended.targets)
    const rest = { caller, intended, plan, terms: intended.terms, input: withoutToken(input), now }
    const expiresAt = await insertApproval(tx, this.#parts.sealer, { operation, ...rest })
    await this.#parts.tasks.waits(walk, tx, operation)
    return this.#waiting(operation, expiresAt)
  }

  #waiting(operation: string, expiresAt: Date): WaitingApproval {
    return {
      operation,
      approval: { expires_at: expiresAt.toISOString(), url: this.#parts.approvalUrl(operation, expiresAt) },
    }
  }

  /** What this call was confirmed or approved by, if it was; refused unless it is for exactly this call. */
  async confirmed(walk: Walk, tx: Tx, consume: boolean): Promise<Confirmed | null> {
    const { caller, admitted, context, approved } = walk
    const { tool, call } = admitted
    const now = context.now()
    if (approved) return readApproved(tx, this.digests, caller, tool.name, call, approved.operation, now, consume)
    const token = call.control.confirmation
    if (token === null) return null
    return readConfirmation(tx, this.digests, caller, tool.name, call, token, now, consume ? 'running' : null)
  }

  /** How a confirmed call is held by now: a rule that came since its preview, or text that its caller read, counts. */
  inForce({ options, record, approved }: Walk, confirmed: Confirmed, now: PolicyDecision): PolicyDecision {
    if (approved) return confirmed.policy
    const policy = stricterOf(confirmed.policy, now)
    if (options.answered !== 'accepted' || policy.asked !== 'elicit') return policy
    record.note({ confirmed_by: 'the client says that its person accepted' })
    return { ...policy, applied: 'elicit' }
  }

  /** Ends the life of a token: the call goes on to a second person, or its own person has said no. */
  async spend(walk: Walk, tx: Tx, becomes: 'awaiting_approval' | 'cancelled'): Promise<void> {
    const { caller, admitted, context } = walk
    const token = admitted.call.control.confirmation ?? ''
    await readConfirmation(tx, this.digests, caller, admitted.tool.name, admitted.call, token, context.now(), becomes)
  }

  /** A token alone, where the client can ask its person and the policy wants that: it waits for their answer. */
  stillToAsk({ options, admitted }: Walk, confirmed: Confirmed, policy: PolicyDecision): HeldPreview | null {
    const { operation, expiresAt } = confirmed
    const token = admitted.call.control.confirmation
    if (policy.asked !== 'elicit' || !options.canAsk || options.answered || token === null || !expiresAt) return null
    return { operation, confirmation: { token, expires_at: expiresAt.toISOString() } }
  }

  async #terms({ caller, admitted, context }: Walk, tx: Tx, organizations: string[]): Promise<ApprovalTerms> {
    if (admitted.judged.call.action.tier < 2) return USUAL_TERMS
    const text = 'select hours, requester_may_decide, tainted from approval_terms($1, $2, $3)'
    const [row] = await tx.prepared<{ hours: number | null; requester_may_decide: boolean | null; tainted: boolean }>(
      'approval_terms',
      text,
      [organizations, caller.credential.id, context.now()],
    )
    return {
      hours: row?.hours ?? USUAL_TERMS.hours,
      requesterMayDecide: row?.requester_may_decide ?? false,
      tainted: isDelegated(caller.credential) && (row?.tainted ?? false),
    }
  }
}

/** Told beforehand, so that nobody confirms and is surprised. */
export function planFor(intended: Considered): Plan {
  const plan = describePlan(intended.effect, intended.targets)
  if (intended.policy.applied !== 'approver') return plan
  const because = intended.terms.tainted ? ', because this credential lately read text that a device wrote' : ''
  return { ...plan, warnings: [...plan.warnings, `a second person must approve it${because}`] }
}

function withoutToken(input: unknown): unknown {
  if (input === null || typeof input !== 'object') return input
  const { confirmation: _, ...rest } = input as Record<string, unknown>
  return rest
}

export type HeldPreview = Pick<PreviewResult, 'operation' | 'confirmation'>
