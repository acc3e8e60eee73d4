/**
 * The row behind every act of tier 2–3: what was previewed, what confirms it, what became of it. A confirmation binds the
 * principal, the tool, the exact input, the resolved targets and the versions the act depends on; it works once.
 */
import { createHash } from 'node:crypto'
import type { ColumnType } from 'kysely'
import { organizationsOf, sitesOf } from './blast-radius.ts'
import { canonicalJson } from './canonical.ts'
import type { Caller } from './caller.ts'
import { query, type Tx } from './db.ts'
import { sameDigest, type Digests } from './digests.ts'
import { KernelError } from './errors.ts'
import type { PolicyDecision } from './gates/confirmation.ts'
import { maskSecrets } from './redact.ts'
import type { Call, Effect, Target } from './tool.ts'

export const CONFIRMATION_MINUTES = 5

export type OperationState =
  | 'awaiting_confirmation'
  | 'awaiting_approval'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'partial'
  | 'cancelled'
  | 'expired'

type Instant = ColumnType<Date, Date, Date>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>

export interface OperationsTable {
  id: string
  partner_id: string
  organization_ids: string[]
  call_id: string
  user_id: string
  credential_kind: string
  credential_id: string
  channel: string
  tool: string
  action: string | null
  tier: number
  state: OperationState
  summary: string
  input: string
  input_digest: Buffer
  effect_digest: Buffer
  target_ids: string[]
  /** Where they are; empty for what is in no site. */
  site_ids: ColumnType<string[], string[] | undefined, never>
  /** Those of the targets that got no command. */
  left_out: ColumnType<string[], string[] | undefined, string[]>
  /** False: whoever sends its commands says when it has ended. */
  ends_by_itself: ColumnType<boolean, boolean | undefined, boolean>
  policy_asked: string
  policy_applied: string
  confirmation_hash: Buffer | null
  confirmation_expires_at: OptionalInstant
  audit_entry: string | null
  created_at: Instant
  started_at: OptionalInstant
  finished_at: OptionalInstant
}
declare module './schema.ts' {
  interface Database {
    operations: OperationsTable
  }
}

/** What is about to run, as far as its confirmation is concerned. */
export interface Intended {
  tool: string
  call: Call
  targets: readonly Target[]
  effect: Effect
  policy: PolicyDecision
}

export interface NewOperation {
  id: string
  callId: string
  caller: Caller
  now: Date
  intended: Intended
  state: 'awaiting_confirmation' | 'awaiting_approval' | 'running'
  confirmation: { hash: Buffer; expiresAt: Date } | null
}

export const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest()

export async function insertOperation(tx: Tx, digests: Digests, operation: NewOperation): Promise<void> {
  const { caller, intended } = operation
  await tx.run(
    query.insertInto('operations').values({
      id: operation.id,
      partner_id: caller.partnerId,
      organization_ids: organizationsOf(intended.targets),
      call_id: operation.callId,
      user_id: caller.user.id,
      credential_kind: caller.credential.kind,
      credential_id: caller.credential.id,
      channel: caller.channel,
      tool: intended.tool,
      action: intended.call.action.name,
      tier: intended.call.action.tier,
      state: operation.state,
      summary: intended.effect.summary,
      // For people to read; what is bound is the digest.
      input: canonicalJson(maskSecrets(intended.call.input)).slice(0, 20_000),
      input_digest: digests.input(intended.tool, intended.call),
      effect_digest: digests.effect(intended),
      target_ids: [...new Set(intended.targets.map((target) => target.id))].sort(),
      site_ids: sitesOf(intended.targets),
      policy_asked: intended.policy.asked,
      policy_applied: intended.policy.applied,
      confirmation_hash: operation.confirmation?.hash ?? null,
      confirmation_expires_at: operation.confirmation?.expiresAt ?? null,
      created_at: operation.now,
      started_at: operation.state === 'running' ? operation.now : null,
    }),
  )
}

export interface Confirmed {
  operation: string
  targetIds: ReadonlySet<string>
  effectDigest: Buffer
  policy: PolicyDecision
  /** Of a token. */
  expiresAt: Date | null
}

const refuse = (code: 'confirmation_invalid' | 'confirmation_expired', reason: string): KernelError =>
  new KernelError({ code, reason, remedy: 'Preview the call again and confirm with the new token.' })

/**
 * Finds what a token confirms and checks that it is this very call of this very principal. With `becomes`, the row is
 * locked first, so that two uses of one token are one after the other and the second finds it used.
 */
export async function readConfirmation(
  tx: Tx,
  digests: Digests,
  caller: Caller,
  tool: string,
  call: Call,
  token: string,
  now: Date,
  becomes: 'running' | 'awaiting_approval' | 'cancelled' | null,
): Promise<Confirmed> {
  const select = query
    .selectFrom('operations')
    .select(['id', 'state', 'user_id', 'credential_id', 'tool', 'input_digest', 'effect_digest', 'target_ids'])
    .select(['confirmation_expires_at', 'policy_asked', 'policy_applied'])
    .where('confirmation_hash', '=', hashToken(token))
  const found = await tx.first(becomes ? select.forUpdate() : select)
  const foreign = found && (found.user_id !== caller.user.id || found.credential_id !== caller.credential.id)
  if (!found || foreign || found.tool !== tool)
    throw refuse('confirmation_invalid', 'This confirmation is not for this call.')
  if (found.state === 'expired' || !found.confirmation_expires_at || found.confirmation_expires_at <= now)
    throw refuse('confirmation_expired', `This confirmation expired after ${CONFIRMATION_MINUTES} minutes.`)
  if (found.state === 'cancelled') throw refuse('confirmation_invalid', 'This confirmation was cancelled.')
  if (found.state !== 'awaiting_confirmation')
    throw refuse('confirmation_invalid', 'This confirmation was already used.')
  if (!sameDigest(found.input_digest, digests.input(tool, call))) {
    throw refuse('confirmation_invalid', 'The input differs from the one that was previewed.')
  }
  if (becomes) await tx.run(query.updateTable('operations').set(changeTo(becomes, now)).where('id', '=', found.id))
  return {
    operation: found.id,
    targetIds: new Set(found.target_ids),
    effectDigest: found.effect_digest,
    expiresAt: found.confirmation_expires_at,
    // Written by this server from its own union of policies.
    policy: { asked: found.policy_asked, applied: found.policy_applied } as PolicyDecision,
  }
}

function changeTo(state: 'running' | 'awaiting_approval' | 'cancelled', now: Date) {
  if (state === 'running') return { state, started_at: now }
  return state === 'cancelled'
    ? { state, finished_at: now }
    : { state, policy_asked: 'approver', policy_applied: 'approver' }
}

/** The frozen list: exactly what was previewed, as far as the caller still sees all of it. */
export function frozenTargets(confirmed: Confirmed, resolved: readonly Target[]): Target[] {
  const frozen = resolved.filter((target) => confirmed.targetIds.has(target.id))
  // One thing may stand for several organizations, once each.
  if (new Set(frozen.map((target) => target.id)).size !== confirmed.targetIds.size) {
    throw refuse('confirmation_invalid', 'Something this call would act on has changed since the preview.')
  }
  return frozen
}

export function checkEffect(digests: Digests, confirmed: Confirmed, intended: Intended): void {
  if (!sameDigest(confirmed.effectDigest, digests.effect(intended))) {
    throw refuse('confirmation_invalid', 'What this call would do has changed since the preview.')
  }
}

/** Between the look at a call and its act a rule may have come. */
export function checkPolicy(looked: PolicyDecision, now: PolicyDecision): void {
  if (looked.asked !== now.asked)
    throw refuse('confirmation_invalid', 'How this call is confirmed was changed meanwhile.')
}

/** How it was confirmed in the end, where that is more than its preview asked for. */
export async function notePolicy(tx: Tx, id: string, { asked, applied }: PolicyDecision): Promise<void> {
  await tx.run(
    query.updateTable('operations').set({ policy_asked: asked, policy_applied: applied }).where('id', '=', id),
  )
}

/** Notes which devices get no command, so that the operation tells of them whenever it is asked for. */
export async function leaveOut(tx: Tx, id: string, deviceIds: readonly string[]): Promise<void> {
  await tx.run(
    query
      .updateTable('operations')
      .set({ left_out: [...deviceIds] })
      .where('id', '=', id),
  )
}

/** Its commands come one after another: it ends by `finishOperation` only. */
export async function keepOpen(tx: Tx, id: string): Promise<void> {
  await tx.run(query.updateTable('operations').set({ ends_by_itself: false }).where('id', '=', id))
}

/** It waited for somebody's word, and for nothing any more. */
export async function cancelOperation(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.run(
    query
      .updateTable('operations')
      .set({ state: 'cancelled', finished_at: now })
      .where('id', '=', id)
      .where('state', '=', 'awaiting_approval'),
  )
}

export async function finishOperation(tx: Tx, id: string, state: OperationState, now: Date): Promise<void> {
  await tx.run(
    query
      .updateTable('operations')
      .set({ state, finished_at: now })
      .where('id', '=', id)
      .where('state', '=', 'running'),
  )
}
