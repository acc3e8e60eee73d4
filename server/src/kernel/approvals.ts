/**
 * Held for a second person (GOV-6): a request fixes who asks, the exact input and what it would do, before anybody is asked.
 * Once approved it is let in by the door as a call of its requester, with the rights that they have by then.
 */
import type { ColumnType } from 'kysely'
import { organizationsOf } from './blast-radius.ts'
import type { Caller, Credential } from './caller.ts'
import { query, type Tx } from './db.ts'
import { sameDigest, type Digests } from './digests.ts'
import { KernelError } from './errors.ts'
import type { ApprovalTerms, PolicyDecision } from './gates/confirmation.ts'
import type { Confirmed, Intended } from './operations.ts'
import type { Call, Plan } from './tool.ts'

type Instant = ColumnType<Date, Date, never>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>
type Decided<T> = ColumnType<T | null, never, T | null>

export const DECISIONS = ['approved', 'denied', 'reported'] as const
export type Decision = (typeof DECISIONS)[number]

export interface ApprovalsTable {
  operation_id: string
  partner_id: string
  organization_ids: string[]
  user_id: string
  user_name: string
  credential_kind: Credential['kind']
  credential_id: string
  credential_name: string
  channel: Caller['channel']
  client: string | null
  ip: string | null
  scopes: string[] | null
  permission: string
  admin_only: boolean
  because: 'policy' | 'untrusted_text'
  plan: ColumnType<Plan, string, never>
  input: Buffer
  requester_may_decide: boolean
  requested_at: Instant
  expires_at: Instant
  decision: Decided<Decision>
  decided_at: OptionalInstant
  decided_by: Decided<string>
  decided_by_name: Decided<string>
  decision_reason: Decided<string>
  released_at: OptionalInstant
  release_code: Decided<string>
  release_text: Decided<string>
  credential_ended_at: OptionalInstant
}
declare module './schema.ts' {
  interface Database {
    approvals: ApprovalsTable
  }
}

/** Keeps what must be read again and by nobody else; `purpose` binds a sealed value to its place. */
export interface Sealer {
  seal(plain: Buffer, purpose: string): Buffer
  open(sealed: Buffer, purpose: string): Buffer
}

export const approvalPurpose = (operation: string): string => `approval ${operation}`

export interface NewApproval {
  operation: string
  caller: Caller
  intended: Intended
  plan: Plan
  terms: ApprovalTerms
  /** As it came in, without its confirmation: read anew at the release, so that it means the same. */
  input: unknown
  now: Date
}

/** Beside the operation's row, which waits. Answers until when. */
export async function insertApproval(tx: Tx, sealer: Sealer, approval: NewApproval): Promise<Date> {
  const { operation, caller, intended, terms, now } = approval
  const expiresAt = new Date(now.getTime() + terms.hours * 3_600_000)
  await tx.run(
    query.insertInto('approvals').values({
      operation_id: operation,
      partner_id: caller.partnerId,
      organization_ids: organizationsOf(intended.targets),
      user_id: caller.user.id,
      user_name: caller.user.name,
      credential_kind: caller.credential.kind,
      credential_id: caller.credential.id,
      credential_name: caller.credential.name,
      channel: caller.channel,
      client: caller.client,
      ip: caller.ip,
      scopes: caller.scopes === 'all' ? null : [...caller.scopes],
      permission: intended.effect.approver?.permission ?? intended.call.action.permission,
      admin_only: intended.effect.approver?.adminOnly ?? false,
      because: terms.tainted ? 'untrusted_text' : 'policy',
      plan: JSON.stringify(approval.plan),
      input: sealer.seal(Buffer.from(JSON.stringify(approval.input ?? {})), approvalPurpose(operation)),
      requester_may_decide: terms.requesterMayDecide,
      requested_at: now,
      expires_at: expiresAt,
    }),
  )
  return expiresAt
}

/** A caller may ask for approvals by itself only so often, whoever has to look at them all. */
const MOST_PENDING = 3
const MOST_AN_HOUR = 10

/** The request that asks for the same already; throws `rate_limited` where there are enough of this tool's. */
export async function pendingAlike(
  tx: Tx,
  digests: Digests,
  caller: Caller,
  tool: string,
  call: Call,
  now: Date,
): Promise<{ operation: string; expiresAt: Date } | null> {
  const { id: credential } = caller.credential
  // Of two at once, the second finds the first.
  await tx.prepared('approval_lock', 'select pg_advisory_xact_lock(hashtext($1))', [`approvals of ${credential}`])
  const rows = await tx.all(
    query
      .selectFrom('approvals as a')
      .innerJoin('operations as o', 'o.id', 'a.operation_id')
      .select(['o.id', 'o.input_digest', 'o.state', 'a.expires_at', 'a.requested_at', 'a.decision'])
      .where('a.credential_id', '=', credential)
      .where('o.tool', '=', tool)
      .where('a.requested_at', '>', new Date(now.getTime() - LONGEST_WAIT_MS))
      .orderBy('a.requested_at', 'desc')
      .limit(200),
  )
  const waits = rows.filter((row) => row.state === 'awaiting_approval' && row.decision === null && row.expires_at > now)
  const wanted = digests.input(tool, call)
  const same = waits.find((row) => sameDigest(row.input_digest, wanted))
  if (same) return { operation: same.id, expiresAt: same.expires_at }
  const lately = rows.filter((row) => row.requested_at.getTime() > now.getTime() - 3_600_000)
  if (waits.length < MOST_PENDING && lately.length < MOST_AN_HOUR) return null
  throw new KernelError({
    code: 'rate_limited',
    reason: `This credential has asked for ${tool} ${waits.length} times without a decision, ${lately.length} times within an hour.`,
    remedy: 'Wait for the decisions; get_operation tells of each.',
    retry_after_seconds: 600,
  })
}
/** No organization lets a request wait longer. */
const LONGEST_WAIT_MS = 720 * 3_600_000

const refuse = (reason: string): KernelError =>
  new KernelError({ code: 'confirmation_invalid', reason, remedy: 'Ask for it again with a new call.' })

/**
 * What a decision let through, checked as a token would be: this principal, this tool, this very input. With `consume` the
 * operation's row is locked first and runs from here on, so that it runs once however many nodes try.
 */
export async function readApproved(
  tx: Tx,
  digests: Digests,
  caller: Caller,
  tool: string,
  call: Call,
  operation: string,
  now: Date,
  consume: boolean,
): Promise<Confirmed> {
  const select = query
    .selectFrom('operations')
    .select(['id', 'state', 'user_id', 'credential_id', 'tool', 'input_digest', 'effect_digest', 'target_ids'])
    .select(['policy_asked', 'policy_applied'])
    .where('id', '=', operation)
  const found = await tx.first(consume ? select.forUpdate() : select)
  const approval = await tx.first(query.selectFrom('approvals').selectAll().where('operation_id', '=', operation))
  if (!found || !approval || found.state !== 'awaiting_approval' || approval.decision !== 'approved')
    throw refuse('This call does not wait for its release.')
  const own = found.user_id === caller.user.id && found.credential_id === caller.credential.id
  if (!own || found.tool !== tool || !sameDigest(found.input_digest, digests.input(tool, call)))
    throw refuse('This call is not the one that was approved.')
  if (approval.expires_at <= now) throw refuse('The approval came to its end before the call could run.')
  if (consume) {
    await tx.run(query.updateTable('operations').set({ state: 'running', started_at: now }).where('id', '=', operation))
  }
  return {
    operation: found.id,
    targetIds: new Set(found.target_ids),
    effectDigest: found.effect_digest,
    expiresAt: null,
    policy: { asked: found.policy_asked, applied: found.policy_applied } as PolicyDecision,
  }
}
