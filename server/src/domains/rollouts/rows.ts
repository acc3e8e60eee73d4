/** The rows of rollouts: how they are read, locked and written. */
import type { Selectable } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { trusted } from '../devices/conditions.ts'
import type { DeviceMove, RolloutDevice, RolloutFacts } from './kind.ts'
import type { Progress, RolloutPlan, RolloutState, StageTally } from './machine.ts'
import type { RolloutDevicesTable, RolloutsTable } from './tables.ts'

export interface Rollout extends RolloutFacts {
  partnerId: string
  organizationIds: string[]
  kind: string
  plan: RolloutPlan
  principal: {
    userId: string
    userName: string
    kind: string
    id: string
    name: string
    scopes: string[] | null
    client: string | null
  }
  state: RolloutState
  reason: string | null
  stage: number | null
  startsAt: Date
  soakUntil: Date | null
  patienceUntil: Date | null
  createdAt: Date
  finishedAt: Date | null
  /** The rollout that this one takes back. */
  undoes: string | null
}

export function rolloutOf(row: Selectable<RolloutsTable>): Rollout {
  return {
    id: row.id,
    partnerId: row.partner_id,
    organizationIds: row.organization_ids,
    operationId: row.operation_id,
    kind: row.kind,
    // Written by this domain from its own types.
    plan: row.plan as RolloutPlan,
    task: row.task,
    principal: {
      userId: row.user_id,
      userName: row.user_name,
      kind: row.credential_kind,
      id: row.credential_id,
      name: row.credential_name,
      scopes: row.scopes,
      client: row.client,
    },
    state: row.state,
    reason: row.reason,
    stage: row.stage,
    startsAt: row.starts_at,
    soakUntil: row.soak_until,
    patienceUntil: row.patience_until,
    giveUpAt: row.give_up_at,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    undoes: row.undoes,
  }
}

/** Held until the transaction ends: whoever changes a rollout or its devices waits here. */
export async function lockRollout(tx: Tx, id: string): Promise<Rollout | null> {
  const row = await tx.first(query.selectFrom('rollouts').selectAll().where('id', '=', id).forNoKeyUpdate())
  return row ? rolloutOf(row) : null
}

const COUNTS = `
  select stage, count(*) filter (where outcome is null and phase in ('waiting', 'due')) as absent,
    count(*) filter (where outcome is null and phase not in ('waiting', 'due')) as working,
    count(*) filter (where outcome = 'succeeded') as succeeded, count(*) filter (where outcome = 'failed') as failed,
    count(*) filter (where outcome is not null and phase <> 'done') as trailing
  from rollout_devices where rollout_id = $1 group by stage`

const NONE: StageTally = { absent: 0, working: 0, succeeded: 0, failed: 0, trailing: 0 }

export async function talliesOf(tx: Tx, { id, plan }: Pick<Rollout, 'id' | 'plan'>): Promise<StageTally[]> {
  const rows = await tx.prepared<StageTally & { stage: number }>('rollout_counts', COUNTS, [id])
  return plan.stages.map((_, stage) => rows.find((row) => row.stage === stage) ?? NONE)
}

export const progressOf = (rollout: Rollout, tallies: readonly StageTally[]): Progress => ({ ...rollout, tallies })

export type DeviceChoice =
  | { of: 'stage'; stage: number }
  /** Something is waited for. */
  | { of: 'working' }
  /** Due by now and connected; a device that gets no commands is not. */
  | { of: 'due'; now: Date }
  /** Its stage began, and it did not. */
  | { of: 'unbegun' }
  /** Due in a stage up to this one, and waited for in vain. */
  | { of: 'overdue'; stage: number }
  /** Has an outcome, and is due for something more. */
  | { of: 'trailing' }

export async function devicesOf(tx: Tx, id: string, choice: DeviceChoice, most: number): Promise<RolloutDevice[]> {
  let select = query.selectFrom('rollout_devices as r').selectAll('r').where('r.rollout_id', '=', id)
  if (choice.of === 'stage') select = select.where('r.stage', '=', choice.stage).where('r.phase', '=', 'waiting')
  if (choice.of === 'unbegun') select = select.where('r.phase', 'in', ['waiting', 'due'])
  if (choice.of === 'overdue') select = select.where('r.phase', '=', 'due').where('r.stage', '<=', choice.stage)
  if (choice.of === 'trailing')
    select = select.where('r.phase', '<>', 'done').where('r.outcome', 'is not', null).where('r.due_at', 'is not', null)
  if (choice.of === 'working')
    select = select.where('r.phase', 'not in', ['waiting', 'due', 'done']).where('r.due_at', 'is', null)
  if (choice.of === 'due')
    select = select
      .innerJoin('devices as d', 'd.id', 'r.device_id')
      .where('r.phase', 'not in', ['waiting', 'done'])
      .where('r.due_at', '<=', choice.now)
      .where('d.status', '=', 'online')
      .where('d.removed_at', 'is', null)
      .where(trusted())
  const rows = await tx.all(select.orderBy('r.device_id').limit(most))
  return rows.map(deviceOf)
}

const deviceOf = (row: Selectable<RolloutDevicesTable>): RolloutDevice => ({
  id: row.device_id,
  organizationId: row.organization_id,
  siteId: row.site_id,
  stage: row.stage,
  phase: row.phase,
  outcome: row.outcome,
  dueAt: row.due_at,
  commandId: row.command_id,
  phaseSince: row.phase_since,
  detail: row.detail,
})

const MOVE = `
  update rollout_devices r set
    phase = m.phase, phase_since = case when r.phase = m.phase then r.phase_since else $2 end,
    outcome = coalesce(m.outcome, r.outcome),
    reason = case when m.has_reason then m.reason else r.reason end,
    reason_by_device = case when m.has_reason then m.by_device else r.reason_by_device end,
    due_at = case when m.has_due then m.due_at else r.due_at end,
    command_id = case when m.has_command then m.command_id else r.command_id end,
    detail = coalesce(m.detail::jsonb, r.detail),
    finished_at = case when m.phase = 'done' then coalesce(r.finished_at, $2) end
  from unnest($3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::boolean[], $9::boolean[], $10::timestamptz[], $11::boolean[],
    $12::uuid[], $13::text[]) as m (device_id, phase, outcome, has_reason, reason, by_device, has_due, due_at, has_command, command_id, detail)
  where r.rollout_id = $1 and r.device_id = m.device_id`

/** Only by whoever holds the rollout's row. */
export async function moveDevices(tx: Tx, id: string, moves: readonly DeviceMove[], now: Date): Promise<void> {
  if (moves.length === 0) return
  const column = <T>(of: (move: DeviceMove) => T) => moves.map(of)
  await tx.prepared('move_rollout_devices', MOVE, [
    id,
    now,
    column(({ deviceId }) => deviceId),
    column(({ phase }) => phase),
    column(({ outcome }) => outcome ?? null),
    column(({ reason }) => reason !== undefined),
    column(({ reason }) => reason?.text.slice(0, 500) ?? null),
    column(({ reason }) => reason?.byDevice ?? false),
    column(({ dueAt }) => dueAt !== undefined),
    column(({ dueAt }) => dueAt ?? null),
    column(({ commandId }) => commandId !== undefined),
    column(({ commandId }) => commandId ?? null),
    column(({ detail }) => (detail === undefined ? null : JSON.stringify(detail))),
  ])
}

export type RolloutChange = Partial<
  Pick<Rollout, 'state' | 'reason' | 'stage' | 'soakUntil' | 'patienceUntil' | 'finishedAt'>
>

export async function changeRollout(tx: Tx, id: string, change: RolloutChange, now: Date): Promise<void> {
  await tx.run(
    query
      .updateTable('rollouts')
      .set({
        changed_at: now,
        ...(change.state !== undefined && { state: change.state }),
        ...(change.reason !== undefined && { reason: change.reason }),
        ...(change.stage !== undefined && { stage: change.stage }),
        ...(change.soakUntil !== undefined && { soak_until: change.soakUntil }),
        ...(change.patienceUntil !== undefined && { patience_until: change.patienceUntil }),
        ...(change.finishedAt !== undefined && { finished_at: change.finishedAt }),
      })
      .where('id', '=', id),
  )
}
