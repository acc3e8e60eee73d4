/**
 * Quarters of an hour from minutes, hours from quarters. Every step computes whole rows anew and replaces what is there, in
 * one transaction with the note that it is done: a job that is killed is done again, and nothing counts twice.
 *
 * A quarter is closed before it is rolled up: what comes for it from then on is late, and its devices are rolled up again.
 */
import type { Db, Tx } from '../../kernel/db.ts'
import { INGEST_LOCK } from './record.ts'
import { DEVICE_SERIES, DISK_SERIES, ofMinutes, ofRollUps, replaced, rollUpColumns, type Series } from './series.ts'

export const QUARTER_MS = 900_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** After a quarter's end, for samples that are on their way: they would only be late. */
const GRACE_MS = 60_000
/** Late quarters of devices in one transaction. */
const LATE_AT_ONCE = 500

interface Shape {
  /** `metrics` or `disk_metrics`. */
  table: string
  /** Beside the device and the time. */
  key: string[]
  series: readonly Series[]
  total: string[]
}
const SHAPES: readonly Shape[] = [
  { table: 'metrics', key: [], series: DEVICE_SERIES, total: [] },
  { table: 'disk_metrics', key: ['mount'], series: DISK_SERIES, total: ['total'] },
]

const list = (...names: string[]): string => names.join(', ')

// The place is the device's at the time of the roll-up.
function statement(shape: Shape, into: 'quarter' | 'hour', source: string, at: string): string {
  const columns = rollUpColumns(shape.series)
  const key = shape.key.map((name) => `m.${name}`)
  const values = into === 'quarter' ? ofMinutes(shape.series) : ofRollUps(shape.series)
  return `
    insert into ${shape.table}_${into} (${list('device_id', 'at', 'organization_id', 'site_id', ...shape.key, ...shape.total, ...columns)})
    select ${list('d.id', at, 'd.organization_id', 'd.site_id', ...key, ...shape.total.map((name) => `max(m.${name})`), values)}
    from ${source} join devices d on d.id = m.device_id
    group by ${list('d.id', at, ...key)}
    order by ${list('d.id', at, ...key)}
    on conflict (${list('device_id', 'at', ...shape.key)}) do update set ${replaced([...shape.total, ...columns])}`
}

// The two outer bounds let the plan leave whole partitions out.
const within = (from: string, length: string): string =>
  `m.device_id = late.device_id and m.at >= late.at and m.at < late.at + interval '${length}' and m.at >= ${from}`

const PARTS = SHAPES.map((shape) => {
  const minutes = `${shape.table}_minute m`
  const quarters = `${shape.table}_quarter m`
  const late = `unnest($1::uuid[], $2::timestamptz[]) as late (device_id, at)`
  return {
    name: shape.table,
    quarter: statement(
      shape,
      'quarter',
      `(select * from ${minutes} where m.at >= $1 and m.at < $2) m`,
      '$1::timestamptz',
    ),
    hour: statement(shape, 'hour', `(select * from ${quarters} where m.at >= $1 and m.at < $2) m`, '$1::timestamptz'),
    lateQuarters: statement(
      shape,
      'quarter',
      `${late} join ${minutes} on ${within('$3::timestamptz', '15 minutes')}`,
      'late.at',
    ),
    lateHours: statement(
      shape,
      'hour',
      `${late} join ${quarters} on ${within('$3::timestamptz', '1 hour')}`,
      'late.at',
    ),
  }
})

const ROLLED_UP = 'update metrics_progress set rolled_up_until = $1'

export interface RolledUp {
  quarters: number
  /** Of single devices, for samples that came late. */
  late: number
}

export async function rollUp(db: Db, now: Date): Promise<RolledUp> {
  await db.worker((tx) => close(tx, new Date(floor(now.getTime() - GRACE_MS, QUARTER_MS))))
  let quarters = 0
  while (await db.worker(rollUpNext)) quarters += 1
  let late = 0
  for (let done = LATE_AT_ONCE; done === LATE_AT_ONCE; late += done) done = await db.worker(rollUpLate)
  return { quarters, late }
}

/** Waits for those who are storing samples; whoever begins after it sees the new time and calls older ones late. */
async function close(tx: Tx, until: Date): Promise<void> {
  await tx.prepared('metrics_alone', 'select pg_advisory_xact_lock($1)', [INGEST_LOCK])
  await tx.prepared('metrics_close', 'update metrics_progress set closed_until = $1 where closed_until < $1', [until])
}

/** False when there is no closed quarter left. */
async function rollUpNext(tx: Tx): Promise<boolean> {
  const [progress] = await tx.prepared<{ rolled_up_until: Date; closed_until: Date }>(
    'metrics_next',
    'select rolled_up_until, closed_until from metrics_progress where rolled_up_until < closed_until for update',
    [],
  )
  if (!progress) return false
  const starts = await firstWithRows(tx, progress.rolled_up_until, progress.closed_until)
  if (starts >= progress.closed_until) {
    await tx.prepared('metrics_rolled_up', ROLLED_UP, [progress.closed_until])
    return false
  }
  const ends = new Date(starts.getTime() + QUARTER_MS)
  const hour = new Date(floor(starts.getTime(), HOUR_MS))
  for (const part of PARTS) {
    await tx.prepared(`${part.name}_quarter`, part.quarter, [starts, ends])
    await tx.prepared(`${part.name}_hour`, part.hour, [hour, new Date(hour.getTime() + HOUR_MS)])
  }
  await tx.prepared('metrics_rolled_up', ROLLED_UP, [ends])
  return true
}

/** A server that was away for long has many quarters without a row. */
async function firstWithRows(tx: Tx, starts: Date, closed: Date): Promise<Date> {
  if (closed.getTime() - starts.getTime() <= DAY_MS) return starts
  const [first] = await tx.prepared<{ quarter: Date | null }>(
    'metrics_first',
    `select date_bin('15 minutes', min(at), 'epoch') as quarter from metrics_minute where at >= $1`,
    [starts],
  )
  return first?.quarter ?? closed
}

/** Answers how many late quarters of devices it rolled up. Those that are still being written are left for the next time. */
async function rollUpLate(tx: Tx): Promise<number> {
  const rows = await tx.prepared<{ device_id: string; at: Date }>(
    'metrics_take_late',
    `delete from late_metrics where (device_id, at) in (
       select device_id, at from late_metrics order by at, device_id limit ${LATE_AT_ONCE} for update skip locked)
     returning device_id, at`,
    [],
  )
  if (rows.length === 0) return 0
  const earliest = new Date(Math.min(...rows.map((row) => floor(row.at.getTime(), HOUR_MS))))
  const hours = new Map(
    rows.map(({ device_id: id, at }) => {
      const hour = new Date(floor(at.getTime(), HOUR_MS))
      return [`${id} ${hour.getTime()}`, { id, hour }]
    }),
  )
  for (const part of PARTS) {
    await tx.prepared(`${part.name}_late_quarters`, part.lateQuarters, [
      rows.map((row) => row.device_id),
      rows.map((row) => row.at),
      earliest,
    ])
    await tx.prepared(`${part.name}_late_hours`, part.lateHours, [
      [...hours.values()].map(({ id }) => id),
      [...hours.values()].map(({ hour }) => hour),
      earliest,
    ])
  }
  return rows.length
}

export const floor = (ms: number, step: number): number => ms - (ms % step)
