import type { Tx } from '../../kernel/db.ts'

export interface EventCount {
  deviceId: string
  watchId: string
  since: Date
  until: Date
}

const COUNT = `
  select coalesce(sum(e.count), 0)::bigint as n
  from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[]) with ordinality as w (id, watch_id, since, until, position)
    left join device_events e on e.device_id = w.id and e.watch_id = w.watch_id and e.at > w.since and e.at <= w.until
  group by w.position order by w.position`

/** How often each happened in its time, in their order; one statement for any number. */
export async function countEvents(tx: Tx, wanted: readonly EventCount[]): Promise<number[]> {
  const rows = await tx.prepared<{ n: number }>('count_events', COUNT, [
    wanted.map((one) => one.deviceId),
    wanted.map((one) => one.watchId),
    wanted.map((one) => one.since),
    wanted.map((one) => one.until),
  ])
  return rows.map((row) => row.n)
}
