/** How many devices there are, and how many are silent, per group. A device may be in several. */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { deviceConditions, type DeviceFilter, type DeviceGroup, groupCondition } from './filter.ts'

/** A row for each device `d` and group it is in, as `g.id`; presence is joined as `p`. */
export const devicesInGroups = (groups: readonly DeviceGroup[], filter: DeviceFilter): RawBuilder<unknown> => {
  const each = groups.map((group) => sql`case when ${groupCondition(group)} then ${group.id}::uuid end`)
  return sql`(
    select d.*, array_remove(array[${sql.join(each)}]::uuid[], null) as in_groups
    from devices d left join device_presence p on p.device_id = d.id
    where ${sql.join(deviceConditions(filter), sql` and `)}) d
    cross join lateral unnest(d.in_groups) as g (id)`
}

export interface CountedGroup {
  id: string
  organizationIds: string[]
  online: number
  offline: number
  pending: number
  /** Offline for more than a week: marked stale or missing. */
  silent: number
}

interface Raw extends Omit<CountedGroup, 'organizationIds'> {
  organization_ids: string[]
}

/** A group without devices within the filter is not there. */
export async function countDevicesByGroup(
  tx: Tx,
  groups: readonly DeviceGroup[],
  filter: DeviceFilter,
): Promise<CountedGroup[]> {
  if (groups.length === 0) return []
  const built = sql<Raw>`
    select g.id, array_agg(distinct d.organization_id) as organization_ids, count(*) filter (where d.status = 'online') as online,
      count(*) filter (where d.status = 'offline') as offline, count(*) filter (where d.status = 'pending') as pending,
      count(*) filter (where d.conditions && '{stale,missing}') as silent
    from ${devicesInGroups(groups, filter)} group by 1`
  const rows = await tx.all<Raw>({ compile: () => built.compile(query) })
  return rows.map(({ organization_ids: organizationIds, ...row }) => ({ ...row, organizationIds }))
}
