/** Who may be the second person, and the one decision that counts. */
import { PERMISSIONS, type Denial, type Permission } from '@breeze/contract/governance'
import type { Decision } from '../../kernel/approvals.ts'
import { holdsAt, isDelegated, rowAccess, type Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict, KernelError } from '../../kernel/errors.ts'
import { ownerOf } from '../../identity/services/users.ts'
import { sitesById } from '../organizations/service.ts'
import { findRequest, type ApprovalRequest } from './requests.ts'

const no = (reason: string, remedy: string): Denial => ({ code: 'forbidden', reason, remedy })

/** Why this caller can't decide this request; null where they can. Reads only. */
export async function objection(tx: Tx, caller: Caller, request: ApprovalRequest): Promise<Denial | null> {
  // An assistant that holds a key must not be the second person for what it, or another, has asked.
  if (isDelegated(caller.credential) || caller.credential.kind === 'system' || caller.user.kind !== 'person')
    return no('Only a person can decide this, not a key or an assistant.', 'Decide it in the console, signed in.')
  if (!request.requesterMayDecide && (await isOwn(tx, caller, request))) {
    return no(
      'You asked for this yourself: somebody else must decide it.',
      'Ask a colleague; where you work alone, update_organization with requester_may_decide lets you.',
    )
  }
  if (!(await holdsEverywhere(tx, caller, request))) {
    return no(
      `Whoever decides this must hold ${request.permission}${request.adminOnly ? ', as an administrator,' : ''} for everything it touches.`,
      'Ask somebody who does.',
    )
  }
  return null
}

/** Asked by this person, or by a service of theirs. */
async function isOwn(tx: Tx, caller: Caller, request: ApprovalRequest): Promise<boolean> {
  if (request.userId === caller.user.id) return true
  return (await ownerOf(tx, request.userId)) === caller.user.id
}

async function holdsEverywhere(tx: Tx, caller: Caller, request: ApprovalRequest): Promise<boolean> {
  const permission = PERMISSIONS.find((known) => known === request.permission)
  if (!permission) return false
  for (const right of [permission, 'approvals.write'] satisfies Permission[]) {
    if (request.organizationIds.length === 0 && !caller.partner?.permissions.has(right)) return false
    const whole = new Set(rowAccess(caller, right, request.adminOnly).whole)
    const partly = request.organizationIds.filter((id) => !whole.has(id))
    if (partly.length === 0) continue
    if (request.adminOnly) return false
    const sites = await sitesById(tx, request.siteIds)
    if (sites.length < request.siteIds.length) return false
    for (const organizationId of partly) {
      const own = sites.filter((site) => site.organizationId === organizationId)
      if (own.length === 0 || !own.every(({ id }) => holdsAt(caller, right, { organizationId, siteId: id })))
        return false
    }
  }
  return true
}

/** The first decision counts: the operation's row is locked, so that of many at once the others find it decided. */
export async function decide(
  tx: Tx,
  caller: Caller,
  id: string,
  said: { decision: Decision; reason: string | null; now: Date },
): Promise<ApprovalRequest> {
  const { decision, reason, now } = said
  await tx.run(query.selectFrom('operations').select('id').where('id', '=', id).forNoKeyUpdate())
  const request = await findRequest(tx, id, now)
  if (request.state !== 'pending') throw conflict(decidedAlready(request), 'There is nothing to decide any more.')
  const refused = await objection(tx, caller, request)
  if (refused) throw new KernelError(refused)
  await tx.run(
    query
      .updateTable('approvals')
      .set({
        decision,
        decided_at: now,
        decided_by: caller.user.id,
        decided_by_name: caller.user.name,
        decision_reason: reason,
      })
      .where('operation_id', '=', id),
  )
  if (decision !== 'approved') {
    await tx.run(query.updateTable('operations').set({ state: 'cancelled', finished_at: now }).where('id', '=', id))
  }
  return { ...request, decision, decidedAt: now, decidedBy: caller.user.name, reason }
}

function decidedAlready(request: ApprovalRequest): string {
  if (request.decision) return `${request.decidedBy} decided this already: ${request.decision}.`
  return request.state === 'expired' ? 'This request expired before anybody decided.' : 'This request was cancelled.'
}
