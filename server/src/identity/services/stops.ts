/** GOV-13: emergency stops, and the cancelling of what has not started. */
import { sql } from 'kysely'
import { organizationsWith } from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import '../../kernel/operations.ts'
import '../tables.ts'

/** What is stopped. A credential's row carries the organization it belongs to, so that those people see it. */
export type StopSubject =
  | { kind: 'everything' }
  | { kind: 'organization'; organizationId: string }
  | { kind: 'credential'; credentialId: string; organizationId: string | null }

const NONE = '00000000-0000-0000-0000-000000000000'

const activeStops = (partnerId: string) =>
  query.selectFrom('emergency_stops as s').where('s.partner_id', '=', partnerId).where('s.lifted_at', 'is', null)

function activeFor(partnerId: string, subject: StopSubject) {
  const stops = activeStops(partnerId)
  if (subject.kind === 'credential') return stops.where('s.credential_id', '=', subject.credentialId)
  const all = stops.where('s.credential_id', 'is', null)
  if (subject.kind === 'organization') return all.where('s.organization_id', '=', subject.organizationId)
  return all.where('s.organization_id', 'is', null)
}

export interface ActiveStop {
  id: string
  reason: string
  stoppedAt: Date
  stoppedById: string
  /** Null for somebody the transaction does not see: the partner's own people, to an organization's. */
  stoppedBy: string | null
}

export async function stopsOf(tx: Tx, partnerId: string, subject: StopSubject): Promise<ActiveStop[]> {
  const rows = await tx.all(
    activeFor(partnerId, subject)
      .leftJoin('users as u', 'u.id', 's.stopped_by')
      .select(['s.id', 's.reason', 's.stopped_at', 's.stopped_by', 'u.name'])
      .orderBy('s.id'),
  )
  return rows.map((row) => ({
    id: row.id,
    reason: row.reason,
    stoppedAt: row.stopped_at,
    stoppedById: row.stopped_by,
    stoppedBy: row.name,
  }))
}

export async function insertStop(
  tx: Tx,
  stop: { id: string; partnerId: string; subject: StopSubject; reason: string; by: string; at: Date },
): Promise<void> {
  const { subject } = stop
  await tx.run(
    query.insertInto('emergency_stops').values({
      id: stop.id,
      partner_id: stop.partnerId,
      organization_id: subject.kind === 'everything' ? null : subject.organizationId,
      credential_id: subject.kind === 'credential' ? subject.credentialId : null,
      reason: stop.reason,
      stopped_by: stop.by,
      stopped_at: stop.at,
    }),
  )
}

export async function liftStops(tx: Tx, ids: readonly string[], by: string, at: Date): Promise<void> {
  if (ids.length === 0) return
  await tx.run(
    query
      .updateTable('emergency_stops')
      .set({ lifted_by: by, lifted_at: at })
      .where('id', 'in', [...ids])
      .where('lifted_at', 'is', null),
  )
}

/** Every stop in force that the caller may see, oldest first. */
export async function listStops(tx: Tx, caller: Caller) {
  const reach = organizationsWith(caller, 'governance.read')
  return tx.all(
    activeStops(caller.partnerId)
      .leftJoin('users as u', 'u.id', 's.stopped_by')
      .leftJoin('organizations as o', 'o.id', 's.organization_id')
      .select([
        's.id',
        's.organization_id',
        'o.name as organization_name',
        's.credential_id',
        's.reason',
        's.stopped_at',
        'u.name',
      ])
      .where((e) =>
        e.or([
          e('s.organization_id', 'in', reach.length > 0 ? reach : [NONE]),
          ...(caller.partner?.permissions.has('governance.read') ? [e('s.organization_id', 'is', null)] : []),
        ]),
      )
      .orderBy('s.stopped_at')
      .limit(200),
  )
}

/** Operations that still wait for somebody's word never run. Answers how many. */
export async function cancelWaiting(tx: Tx, partnerId: string, subject: StopSubject, now: Date): Promise<number> {
  let update = query
    .updateTable('operations')
    .set({ state: 'cancelled', finished_at: now })
    .where('partner_id', '=', partnerId)
    .where('state', 'in', ['awaiting_confirmation', 'awaiting_approval'])
  if (subject.kind === 'credential') update = update.where('credential_id', '=', subject.credentialId)
  if (subject.kind === 'organization') {
    update = update.where(sql<boolean>`organization_ids @> array[${subject.organizationId}::uuid]`)
  }
  return tx.run(update)
}

/** Operations of a credential whose commands may still be queued. */
export async function runningOf(tx: Tx, partnerId: string, credentialId: string): Promise<string[]> {
  const rows = await tx.all(
    query
      .selectFrom('operations')
      .select('id')
      .where('partner_id', '=', partnerId)
      .where('credential_id', '=', credentialId)
      .where('state', '=', 'running'),
  )
  return rows.map((row) => row.id)
}
