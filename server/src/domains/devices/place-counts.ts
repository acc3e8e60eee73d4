/** How many devices there are, and how many are silent, per organization or site. */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { deviceConditions, type DeviceFilter, placeConditions } from './filter.ts'

export type PlaceLevel = 'organization' | 'site'
export const placeColumn = (level: PlaceLevel, table: string): RawBuilder<unknown> => sql.ref(`${table}.${level}_id`)

/** An organization or site, for which there is a row. */
export interface CountedPlace {
  id: string
  organizationId: string
  online: number
  offline: number
  pending: number
  /** Offline for more than a week: marked stale or missing. */
  silent: number
}

interface Raw {
  id: string
  organization_id: string
  online: number
  offline: number
  pending: number
  silent: number
}

/** From the counters; only the silent ones, who are few, are looked for. */
export async function countDevicesBy(tx: Tx, level: PlaceLevel, filter: PlaceFilter): Promise<CountedPlace[]> {
  const [ofCounts, ofDevices] = [placeColumn(level, 'c'), placeColumn(level, 'd')]
  const silent = [...deviceConditions(filter), sql`d.conditions && '{stale,missing}'`]
  const built = sql<Raw>`
    with counted as (
      select ${ofCounts} as id, c.organization_id,
        coalesce(sum(c.n) filter (where c.status = 'online'), 0)::bigint as online,
        coalesce(sum(c.n) filter (where c.status = 'offline'), 0)::bigint as offline,
        coalesce(sum(c.n) filter (where c.status = 'pending'), 0)::bigint as pending
      from device_counts c where ${sql.join([sql`c.n > 0`, ...placeConditions(filter, 'c')], sql` and `)} group by 1, 2),
    silent as (
      select ${ofDevices} as id, count(*) as silent from devices d where ${sql.join(silent, sql` and `)} group by 1)
    select counted.*, coalesce(silent.silent, 0) as silent from counted left join silent using (id)`
  const rows = await tx.all<Raw>({ compile: () => built.compile(query) })
  return rows.map(({ organization_id: organizationId, ...row }) => ({ ...row, organizationId }))
}

export type PlaceFilter = Pick<DeviceFilter, 'organizationIds' | 'siteIds'>
