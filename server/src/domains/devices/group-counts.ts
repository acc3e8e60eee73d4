/** How many devices there are, and how many are silent, per group. A device may be in several. */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { asksPresence, deviceConditions, type DeviceFilter, type DeviceGroup, groupCondition } from './filter.ts'

/** As `d`, a row for each device and each group that it is in: `d.group_id`. Each group is found by its own indexes. */
export function devicesInGroups(groups: readonly DeviceGroup[], filter: DeviceFilter): RawBuilder<unknown> {
  const each = groups.map((group) => {
    const isPresenceAsked = asksPresence(filter) || asksPresence(group.filter ?? {})
    return sql`
      select ${group.id}::uuid as group_id, d.id, d.organization_id, d.role, d.status, d.conditions
      from devices d ${isPresenceAsked ? sql`left join device_presence p on p.device_id = d.id` : sql``}
      where ${sql.join([...deviceConditions(filter), groupCondition(group)], sql` and `)}`
  })
  return sql`(${sql.join(each, sql` union all `)}) d`
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
    select d.group_id as id, array_agg(distinct d.organization_id) as organization_ids, count(*) filter (where d.status = 'online') as online,
      count(*) filter (where d.status = 'offline') as offline, count(*) filter (where d.status = 'pending') as pending,
      count(*) filter (where d.conditions && '{stale,missing}') as silent
    from ${devicesInGroups(groups, filter)} group by 1`
  const rows = await tx.all<Raw>({ compile: () => built.compile(query) })
  return rows.map(({ organization_ids: organizationIds, ...row }) => ({ ...row, organizationIds }))
}
