/** Reads over a window of time. What was not measured is in no answer: nothing is filled in between two values. */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { LENGTH_MS } from './resolution.ts'
import type { Resolution } from './partitions.ts'
import { floor } from './roll-up.ts'
import type { Series } from './series.ts'

export const METRICS = {
  cpu: { series: 'cpu', unit: 'percent', perDisk: false },
  memory: { series: 'memory', unit: 'percent', perDisk: false },
  swap: { series: 'swap', unit: 'percent', perDisk: false },
  load: { series: 'load', unit: 'processes', perDisk: false },
  disk: { series: 'used', unit: 'percent', perDisk: true },
  free: { series: 'available', unit: 'bytes', perDisk: true },
  received: { series: 'received', unit: 'bytes/s', perDisk: false },
  sent: { series: 'sent', unit: 'bytes/s', perDisk: false },
} as const satisfies Record<string, { series: Series; unit: string; perDisk: boolean }>
export type MetricName = keyof typeof METRICS

export const AGGREGATES = ['avg', 'min', 'max', 'p95', 'last'] as const
export type Aggregate = (typeof AGGREGATES)[number]

export interface Question {
  deviceIds: readonly string[]
  since: Date
  until: Date
  resolution: Resolution
}

export interface Figures {
  avg: number
  min: number
  max: number
  /** Of the minutes, or of the averages that a roll-up keeps. */
  p95: number
  /** Minutes with a value. */
  samples: number
}
export interface DeviceFigures extends Figures {
  deviceId: string
  /** Null but for disks. */
  mount: string | null
  last: number
  lastAt: Date
}

const all = <Row>(tx: Tx, built: RawBuilder<Row>): Promise<Row[]> =>
  tx.all<Row>({ compile: () => built.compile(query) })

/** Rows of `device_id, mount, at, v, low, high, n, covers`: seconds. What no roll-up has seen yet comes from the minutes. */
function source(metric: MetricName, { deviceIds, since, until, resolution }: Question): RawBuilder<unknown> {
  const { series, perDisk } = METRICS[metric]
  const table = perDisk ? 'disk_metrics' : 'metrics'
  const mount = sql.raw(perDisk ? 'm.mount' : 'null::text as mount')
  const ids = sql`m.device_id = any (${[...deviceIds]}::uuid[])`
  const column = (suffix = '') => sql.ref(`m.${series}${suffix}`)
  const minutes = (from: RawBuilder<unknown>) => sql`
    select m.device_id, ${mount}, m.at, ${column()}::float8 as v, ${column()}::float8 as low, ${column()}::float8 as high, 1 as n, 0 as covers
    from ${sql.table(`${table}_minute`)} m
    where ${column()} is not null and ${ids} and m.at >= ${from} and m.at < ${until}`
  if (resolution === 'minute') return minutes(sql`${since}::timestamptz`)
  const rolledUp = sql`(select rolled_up_until from metrics_progress)`
  const from = new Date(floor(since.getTime(), LENGTH_MS[resolution]))
  return sql`
    select m.device_id, ${mount}, m.at, ${column('_avg')}::float8 as v, ${column('_min')}::float8 as low, ${column('_max')}::float8 as high,
      ${column('_count')} as n, ${LENGTH_MS[resolution] / 1000}::int as covers
    from ${sql.table(`${table}_${resolution}`)} m
    where ${column('_count')} > 0 and ${ids} and m.at >= ${from} and m.at < ${until} and m.at < ${rolledUp}
    union all ${minutes(sql`greatest(${from}::timestamptz, ${rolledUp})`)}`
}

const FIGURES = sql`sum(v * n) / sum(n) as avg, min(low) as min, max(high) as max,
  percentile_cont(0.95) within group (order by v) as p95, sum(n)::int as samples`

export async function figuresByDevice(tx: Tx, metric: MetricName, question: Question): Promise<DeviceFigures[]> {
  const rows = await all<Figures & { device_id: string; mount: string | null; last: number; last_at: Date }>(
    tx,
    sql`select device_id, mount, ${FIGURES}, (array_agg(v order by at desc))[1] as last, max(at) as last_at
      from (${source(metric, question)}) rows group by device_id, mount order by device_id, mount`,
  )
  return rows.map(({ device_id: deviceId, last_at: lastAt, ...figures }) => ({ deviceId, lastAt, ...figures }))
}

/** Of all devices together; undefined where none has a value. */
export async function figuresOfAll(tx: Tx, metric: MetricName, question: Question): Promise<Figures | undefined> {
  const [row] = await all<Figures & { samples: number | null }>(
    tx,
    sql`select ${FIGURES} from (${source(metric, question)}) rows`,
  )
  return row && row.samples !== null ? row : undefined
}

const AGGREGATE: Readonly<Record<Exclude<Aggregate, 'last'>, RawBuilder<unknown>>> = {
  avg: sql`sum(v * n) / sum(n)`,
  min: sql`min(low)`,
  max: sql`max(high)`,
  p95: sql`percentile_cont(0.95) within group (order by v)`,
}

export interface Value {
  mount: string | null
  /** Where its step begins. */
  at: Date
  value: number
}

/** One value for each step that has any, over all devices together; disks apart where `byDisk`. Of several devices `last` is their mean. */
export function valuesOf(
  tx: Tx,
  metric: MetricName,
  question: Question,
  { stepMs, aggregate, byDisk }: { stepMs: number; aggregate: Aggregate; byDisk: boolean },
): Promise<Value[]> {
  const step = sql`date_bin(make_interval(secs => ${stepMs / 1000}::float8), at, 'epoch')`
  const mount = byDisk ? sql`mount` : sql`null::text`
  const rows = sql`select device_id, ${mount} as mount, ${step} as step, at, v, low, high, n from (${source(metric, question)}) read`
  if (aggregate !== 'last')
    return all(
      tx,
      sql`select mount, step as at, ${AGGREGATE[aggregate]} as value from (${rows}) rows group by 1, 2 order by 1, 2`,
    )
  const latest = sql`select distinct on (device_id, mount, step) mount, step, v from (${rows}) rows order by device_id, mount, step, at desc`
  return all(tx, sql`select mount, step as at, avg(v) as value from (${latest}) latest group by 1, 2 order by 1, 2`)
}

export interface Gap {
  from: Date
  until: Date
}

/** When nothing was measured, the window's ends included; the longest first. */
export function gapsOf(tx: Tx, question: Question, most: number): Promise<Gap[]> {
  const { since, until, resolution } = question
  // A sample that came a little late is no gap; a roll-up that is missing is one.
  const least = resolution === 'minute' ? 150 : LENGTH_MS[resolution] / 1000
  return all(
    tx,
    sql`with seen as (
        select at, covers from (${source('memory', question)}) rows
        union all select at, 0 from unnest(array[${since}, ${until}]::timestamptz[]) ends (at)),
      pairs as (
        select max(at + make_interval(secs => covers)) over (order by at, covers) as since,
          lead(at) over (order by at, covers) as until
        from seen)
      select since as "from", until from pairs
      where until - since >= make_interval(secs => ${least}::int) order by until - since desc limit ${most}`,
  )
}
