/** How much was free on each disk, day by day, from the hours that are rolled up: for whoever asks where that leads. */
import type { Tx } from '../../kernel/db.ts'

export interface FreeSpaceDay {
  /** Days since 1970, UTC. */
  day: number
  /** Bytes: the mean of the day. */
  available: number
  total: number
  /** Of the day, how many have a value. */
  hours: number
}

export interface FreeSpace {
  mount: string
  /** Oldest first; days of which nothing is known are not among them. */
  days: FreeSpaceDay[]
  /** The last hour that has a value. */
  last: { at: Date; available: number; total: number }
}

interface Row {
  device_id: string
  mount: string
  days: number[]
  available: number[]
  total: number[]
  hours: number[]
  last_at: Date
  last_available: number
  last_total: number
}

const BY_DAY = `
  with each as (
    select device_id, mount, floor(extract(epoch from at) / 86400)::int as day,
      sum(available_avg::float8 * available_count) / sum(available_count) as available, max(total)::float8 as total, count(*)::int as hours,
      max(at) as last_at, (array_agg(available_avg::float8 order by at desc))[1] as last_available,
      (array_agg(total::float8 order by at desc))[1] as last_total
    from disk_metrics_hour where device_id = any ($1::uuid[]) and at >= $2 and at < $3 and available_count > 0
    group by 1, 2, 3)
  select device_id, mount, array_agg(day order by day) as days, array_agg(available order by day) as available,
    array_agg(total order by day) as total, array_agg(hours order by day) as hours, max(last_at) as last_at,
    (array_agg(last_available order by day desc))[1] as last_available, (array_agg(last_total order by day desc))[1] as last_total
  from each group by 1, 2 order by 1, 2`

/** By device; one without any value is not there. */
export async function freeSpaceByDay(
  tx: Tx,
  deviceIds: readonly string[],
  { since, until }: { since: Date; until: Date },
): Promise<Map<string, FreeSpace[]>> {
  const rows = await tx.prepared<Row>('metrics_free_space', BY_DAY, [deviceIds, since, until])
  const byDevice = new Map<string, FreeSpace[]>()
  for (const row of rows) byDevice.set(row.device_id, [...(byDevice.get(row.device_id) ?? []), freeSpaceOf(row)])
  return byDevice
}

const freeSpaceOf = (row: Row): FreeSpace => ({
  mount: row.mount,
  days: row.days.map((day, index) => ({
    day,
    available: row.available[index] ?? 0,
    total: row.total[index] ?? 0,
    hours: row.hours[index] ?? 0,
  })),
  last: { at: row.last_at, available: row.last_available, total: row.last_total },
})
