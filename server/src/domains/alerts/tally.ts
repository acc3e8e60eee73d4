/** How many alerts are unresolved, from sums instead of counting; kept by triggers on `alerts`, made few again here. */
import { type RawBuilder, sql } from 'kysely'
import { anyOf } from '../../kernel/conditions.ts'
import { type Db, query, type Tx } from '../../kernel/db.ts'
import type { DeviceFilter, DeviceGroup } from '../devices/filter.ts'
import { devicesInGroups } from '../devices/group-counts.ts'
import { placeColumn, type PlaceLevel } from '../devices/place-counts.ts'
import { isUnfolded } from './filter.ts'
import { countsOf, type SeverityCounts } from './severities.ts'
import type { AlertStatus, Severity } from './tables.ts'

export interface TallyFilter {
  organizationIds?: readonly string[] | undefined
  siteIds?: readonly string[] | undefined
  severities?: readonly string[] | undefined
  /** All of what is unresolved, when left out. */
  statuses?: readonly AlertStatus[] | undefined
}

/** As conditions on `alert_tally t`. */
export function tallyConditions({
  organizationIds,
  siteIds,
  severities,
  statuses,
}: TallyFilter): RawBuilder<unknown>[] {
  return [
    sql`true`,
    ...(organizationIds ? [anyOf(sql`t.organization_id`, organizationIds)] : []),
    ...(siteIds ? [anyOf(sql`t.site_id`, siteIds)] : []),
    ...(severities ? [sql`t.severity = any (${[...severities]}::text[])`] : []),
    ...(statuses ? [sql`t.status = any (${[...statuses]}::text[])`] : []),
  ]
}

const COMPACT = `
  with gone as (delete from alert_tally returning organization_id, site_id, status, severity, folded, n)
  insert into alert_tally (organization_id, site_id, status, severity, folded, n)
    select organization_id, site_id, status, severity, folded, sum(n) from gone group by 1, 2, 3, 4, 5 having sum(n) <> 0`

/** What is appended meanwhile is not seen, and so not lost. */
export async function compactTally(db: Db): Promise<void> {
  await db.workerStatement('compact_alert_tally', COMPACT, [])
}

const RECOUNT = `
  insert into alert_tally (organization_id, site_id, status, severity, folded, n)
    select organization_id, site_id, status, severity, folded, sum(d) from (
      select organization_id, site_id, status, severity, folded_by(suppressed) as folded, 1 as d from alerts where status <> 'resolved'
      union all
      select organization_id, site_id, status, severity, folded, -n from alert_tally) compared
    group by 1, 2, 3, 4, 5 having sum(d) <> 0 returning 1`

/** Answers how many sums were wrong; each is a defect worth a line in the log. */
export function recountAlerts(db: Db): Promise<number> {
  return db.worker(async (tx) => {
    // Whoever changes an alert appends in the same statement, so holding these holds both still.
    await tx.prepared('lock_alert_tally', 'lock table alert_tally in share row exclusive mode', [])
    return (await tx.prepared('recount_alerts', RECOUNT, [])).length
  })
}

/** Unresolved alerts that are shown by themselves, per organization or site. Those of no site count for their organization. */
export async function tallyBy(tx: Tx, level: PlaceLevel, filter: TallyFilter): Promise<Map<string, SeverityCounts>> {
  const conditions = [...tallyConditions(filter), sql`t.folded is null`]
  const built = sql<{ id: string; severity: Severity; n: number }>`
    select ${placeColumn(level, 't')} as id, t.severity, sum(t.n)::bigint as n from alert_tally t
    where ${sql.join(conditions, sql` and `)} and ${placeColumn(level, 't')} is not null group by 1, 2 having sum(t.n) <> 0`
  const rows = await tx.all<{ id: string; severity: Severity; n: number }>({ compile: () => built.compile(query) })
  const places = Map.groupBy(rows, (row) => row.id)
  return new Map([...places].map(([id, found]) => [id, countsOf(found)]))
}

/** The same per group of devices; alerts of sites and organizations are in none. */
export async function alertsByGroup(
  tx: Tx,
  groups: readonly DeviceGroup[],
  filter: DeviceFilter,
): Promise<Map<string, SeverityCounts>> {
  if (groups.length === 0) return new Map()
  const built = sql<{ id: string; severity: Severity; n: number }>`
    select d.group_id as id, a.severity, count(*) as n from ${devicesInGroups(groups, filter)} join alerts a on a.device_id = d.id
    where a.status <> 'resolved' and ${isUnfolded} group by 1, 2`
  const rows = await tx.all<{ id: string; severity: Severity; n: number }>({ compile: () => built.compile(query) })
  return new Map([...Map.groupBy(rows, (row) => row.id)].map(([id, found]) => [id, countsOf(found)]))
}
