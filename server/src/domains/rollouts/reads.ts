/** Rollouts as people read them. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import type { DeviceResult } from '../commands/present.ts'
import { deviceNames } from '../devices/names.ts'
import type { StageTally } from './machine.ts'
import { type Rollout, rolloutOf, talliesOf } from './rows.ts'

export interface RolloutView {
  rollout: Rollout
  tallies: StageTally[]
  /** How many devices are in each state: their outcome, or what they are at. */
  counts: Record<string, number>
  total: number
  /** Failed ones first, then what goes on; at most as many as were asked for. */
  devices: DeviceResult[]
  /** Commanded, or due and connected. */
  busy: number
  /** The operation that it takes back. */
  undoes: string | null
  /** The latest operation that takes it back. */
  rolledBackBy: string | null
  /** Neither commanded nor done. */
  unsent: number
}

const COUNTS = `
  select coalesce(r.outcome, r.phase) as state, count(*) as n,
    count(*) filter (where r.phase not in ('waiting', 'due', 'done') and r.due_at is null
      or r.due_at <= $2 and d.status = 'online' and r.phase not in ('waiting', 'done')) as busy,
    count(*) filter (where r.phase in ('waiting', 'due') and r.outcome is null) as unsent
  from rollout_devices r left join devices d on d.id = r.device_id where r.rollout_id = $1 group by 1 order by 1`

const LINKS = `
  select (select operation_id from rollouts where id = $2) as undoes,
    (select operation_id from rollouts where undoes = $1 order by created_at desc, id desc limit 1) as undone`

/** Null for an operation that is no rollout, or that the transaction does not see. */
export async function rolloutOfOperation(
  tx: Tx,
  operationId: string,
  now: Date,
  most: number,
): Promise<RolloutView | null> {
  const row = await tx.first(query.selectFrom('rollouts').selectAll().where('operation_id', '=', operationId))
  if (!row) return null
  const rollout = rolloutOf(row)
  const counts = await tx.prepared<{ state: string; n: number; busy: number; unsent: number }>(
    'rollout_states',
    COUNTS,
    [rollout.id, now],
  )
  const [linked] = await tx.prepared<{ undoes: string | null; undone: string | null }>('rollout_links', LINKS, [
    rollout.id,
    rollout.undoes,
  ])
  return {
    rollout,
    undoes: linked?.undoes ?? null,
    rolledBackBy: linked?.undone ?? null,
    tallies: await talliesOf(tx, rollout),
    counts: Object.fromEntries(counts.map(({ state, n }) => [state, n])),
    total: counts.reduce((sum, { n }) => sum + n, 0),
    busy: counts.reduce((sum, { busy }) => sum + busy, 0),
    unsent: counts.reduce((sum, { unsent }) => sum + unsent, 0),
    devices: await devicesOf(tx, rollout.id, most),
  }
}

async function devicesOf(tx: Tx, id: string, most: number): Promise<DeviceResult[]> {
  const rows = await tx.all(
    query
      .selectFrom('rollout_devices')
      .select(['device_id', 'phase', 'outcome', 'reason', 'reason_by_device', 'due_at'])
      .where('rollout_id', '=', id)
      .orderBy((e) => e.case().when('outcome', '=', 'failed').then(0).when('outcome', 'is', null).then(1).else(2).end())
      .orderBy('stage')
      .orderBy('device_id')
      .limit(most),
  )
  const names = await deviceNames(
    tx,
    rows.map(({ device_id: device }) => device),
  )
  return rows.map((row): DeviceResult => {
    const reason = row.reason ?? (row.due_at ? `from ${row.due_at.toISOString()}` : null)
    return {
      id: row.device_id,
      name: names.get(row.device_id) ?? row.device_id,
      state: row.outcome === null || row.phase === 'done' ? (row.outcome ?? row.phase) : `${row.outcome}, ${row.phase}`,
      ...(reason !== null && { reason, reasonBy: row.reason_by_device ? ('device' as const) : ('server' as const) }),
    }
  })
}

/** What a rollout that goes on would act on: those without an outcome, and those that failed. */
export async function unfinishedDevices(tx: Tx, id: string): Promise<string[]> {
  const rows = await tx.all(
    query
      .selectFrom('rollout_devices')
      .select('device_id')
      .where('rollout_id', '=', id)
      .where((e) => e.or([e('outcome', 'is', null), e('outcome', '=', 'failed'), e('phase', '<>', 'done')])),
  )
  return rows.map((row) => row.device_id)
}

export interface RolloutLine {
  id: string
  operationId: string
  kind: string
  state: string
  reason: string | null
  summary: string
  stage: string | null
  stages: number
  startedBy: string
  client: string | null
  devices: number
  succeeded: number
  failed: number
  createdAt: Date
}

const OUTCOMES = `
  select rollout_id, count(*) as devices, count(*) filter (where outcome = 'succeeded') as succeeded,
    count(*) filter (where outcome = 'failed') as failed
  from rollout_devices where rollout_id = any ($1::uuid[]) group by 1`

/** The latest first. */
export async function listRollouts(
  tx: Tx,
  { open, limit, organizationId }: { open: boolean; limit: number; organizationId?: string | undefined },
): Promise<{ rollouts: RolloutLine[]; total: number }> {
  let base = query.selectFrom('rollouts as r').innerJoin('operations as o', 'o.id', 'r.operation_id')
  if (open) base = base.where('r.finished_at', 'is', null)
  if (organizationId !== undefined)
    base = base.where('r.organization_ids', '@>', sql<string[]>`array[${organizationId}::uuid]`)
  const rows = await tx.all(
    base
      .select([
        'r.id',
        'r.operation_id',
        'r.kind',
        'r.state',
        'r.reason',
        'r.stage',
        'r.plan',
        'r.user_name',
        'r.client',
        'r.created_at',
        'o.summary',
      ])
      .orderBy('r.created_at', 'desc')
      .orderBy('r.id', 'desc')
      .limit(limit),
  )
  const ids = rows.map(({ id }) => id)
  const outcomes = await tx.prepared<{ rollout_id: string; devices: number; succeeded: number; failed: number }>(
    'rollout_outcomes',
    OUTCOMES,
    [ids],
  )
  const counted = await tx.first(base.select((e) => e.fn.countAll<number>().as('n')))
  return {
    total: counted?.n ?? 0,
    rollouts: rows.map((row) => {
      const { stages } = row.plan as Rollout['plan']
      const told = outcomes.find((one) => one.rollout_id === row.id)
      return {
        id: row.id,
        operationId: row.operation_id,
        kind: row.kind,
        state: row.state,
        reason: row.reason,
        summary: row.summary,
        stage: row.stage === null ? null : (stages[row.stage]?.name ?? null),
        stages: stages.length,
        startedBy: row.user_name,
        client: row.client,
        devices: told?.devices ?? 0,
        succeeded: told?.succeeded ?? 0,
        failed: told?.failed ?? 0,
        createdAt: row.created_at,
      }
    }),
  }
}

export interface RolloutFailure {
  deviceId: string
  operationId: string
  at: Date
  reason: string
}

const FAILURES = `
  select distinct on (r.device_id) r.device_id, o.operation_id, r.outcome, r.finished_at, r.reason
  from rollout_devices r join rollouts o on o.id = r.rollout_id and o.kind = $2
  where r.device_id = any ($1::uuid[]) and r.outcome in ('succeeded', 'failed') and r.finished_at > $3::timestamptz - interval '30 days'
  order by r.device_id, r.finished_at desc`

/** Of devices whose last rollout of this kind failed within thirty days. */
export async function lastFailures(
  tx: Tx,
  kind: string,
  deviceIds: readonly string[],
  now: Date,
): Promise<RolloutFailure[]> {
  const rows = await tx.prepared<{
    device_id: string
    operation_id: string
    outcome: string
    finished_at: Date
    reason: string | null
  }>('rollout_failures', FAILURES, [deviceIds, kind, now])
  return rows.flatMap((row) =>
    row.outcome === 'failed'
      ? [
          {
            deviceId: row.device_id,
            operationId: row.operation_id,
            at: row.finished_at,
            reason: row.reason ?? 'failed',
          },
        ]
      : [],
  )
}
