/** How it stood at the end of each day, per organization, site and framework: kept in sums, so that sites add up. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import type { DeviceFilter } from '../devices/filter.ts'
import { DAY_MS, day } from './checks/facts.ts'
import { CATALOGUE, type Counts, IS_WORKSTATION_SQL, type Share } from './codes.ts'
import type { Framework } from './frameworks/framework.ts'
import { coverageOf, figuresOf, scoreOf, shareOf, weighed } from './standing.ts'

export interface SiteShares {
  organizationId: string
  partnerId: string
  siteId: string
  shares: Share[]
}

const SHARES = `
  select d.organization_id, o.partner_id, d.site_id, case when e.catalogue = $1 then e.standing end as standing,
    ${IS_WORKSTATION_SQL} as workstation, count(*) as devices
  from devices d join organizations o on o.id = d.organization_id left join compliance_evaluations e on e.device_id = d.id
  where d.removed_at is null group by 1, 2, 3, 4, 5`

interface ShareRow {
  organization_id: string
  partner_id: string
  site_id: string
  standing: string | null
  workstation: boolean
  devices: number
}

/** Of every site that has devices. */
export async function siteShares(tx: Tx): Promise<SiteShares[]> {
  const sites = new Map<string, SiteShares>()
  for (const row of await tx.prepared<ShareRow>('compliance_shares', SHARES, [CATALOGUE])) {
    const place = { organizationId: row.organization_id, partnerId: row.partner_id, siteId: row.site_id }
    const site = sites.get(row.site_id) ?? { ...place, shares: [] }
    site.shares.push(shareOf(row))
    sites.set(row.site_id, site)
  }
  return [...sites.values()]
}

const WRITE = `
  insert into compliance_history (organization_id, site_id, framework, day, framework_version, devices, passed, failed, unknown,
    waived, not_applicable, weight_passed, weight_failed)
  select v.organization_id, v.site_id, v.framework, $2::date, v.version, v.devices, v.pass, v.fail, v.unknown, v.waived,
    v.not_applicable, v.weight_passed, v.weight_failed
  from jsonb_to_recordset($1::jsonb) as v (organization_id uuid, site_id uuid, framework text, version text, devices integer,
    pass integer, fail integer, unknown integer, waived integer, not_applicable integer, weight_passed bigint, weight_failed bigint)
  order by v.organization_id, v.site_id, v.framework
  on conflict (organization_id, site_id, framework, day) do update set
    framework_version = excluded.framework_version, devices = excluded.devices, passed = excluded.passed,
    failed = excluded.failed, unknown = excluded.unknown, waived = excluded.waived, not_applicable = excluded.not_applicable,
    weight_passed = excluded.weight_passed, weight_failed = excluded.weight_failed`

/** The last look of a day is what stands for it. */
export async function recordDay(
  tx: Tx,
  now: Date,
  { organizationId, siteId, shares }: SiteShares,
  frameworks: readonly Framework[],
): Promise<void> {
  const devices = shares.reduce((sum, share) => sum + share.devices, 0)
  const rows = frameworks.map((framework) => {
    const { counts, controls } = figuresOf(framework, shares)
    const { passed, failed } = weighed(controls)
    return {
      organization_id: organizationId,
      site_id: siteId,
      framework: framework.id,
      version: framework.version,
      devices,
      ...counts,
      weight_passed: passed,
      weight_failed: failed,
    }
  })
  await tx.prepared('compliance_record_day', WRITE, [JSON.stringify(rows), day(now)])
}

const KEPT_DAYS = 800

export async function forgetDays(tx: Tx, now: Date): Promise<void> {
  const oldest = day(new Date(now.getTime() - KEPT_DAYS * DAY_MS))
  await tx.prepared('compliance_forget_days', 'delete from compliance_history where day < $1::date', [oldest])
}

export interface Day {
  day: string
  version: string
  devices: number
  score: number | null
  coverage: number | null
  counts: Counts
}

interface Row extends Counts {
  day: string
  version: string
  devices: number
  weight_passed: number
  weight_failed: number
}

/** Oldest first. What a day lacks was not kept: no value is made up for it. */
export async function readHistory(
  tx: Tx,
  framework: Pick<Framework, 'id'>,
  places: Places,
  since: Date,
): Promise<Day[]> {
  const built = sql<Row>`
    select day::text as day, max(framework_version) as version, sum(devices)::integer as devices, sum(passed)::integer as pass,
      sum(failed)::integer as fail, sum(unknown)::integer as unknown, sum(waived)::integer as waived,
      sum(not_applicable)::integer as not_applicable, sum(weight_passed)::bigint as weight_passed,
      sum(weight_failed)::bigint as weight_failed
    from compliance_history
    where framework = ${framework.id} and day >= ${day(since)}::date
      and ${placeHistory(places)}
    group by day order by day`
  const rows = await tx.all<Row>({ compile: () => built.compile(query) })
  return rows.map(({ day: date, version, devices, weight_passed: passed, weight_failed: failed, ...counts }) => {
    return { day: date, version, devices, score: scoreOf(passed, failed), coverage: coverageOf(counts), counts }
  })
}

type Places = { [Name in 'organizationIds' | 'siteIds']?: DeviceFilter[Name] | null }

/** As a condition on `compliance_history`. */
export const placeHistory = ({ organizationIds = null, siteIds = null }: Places) =>
  sql`${within('organization_id', organizationIds)} and ${within('site_id', siteIds)}`

const within = (column: 'organization_id' | 'site_id', ids: readonly string[] | null) =>
  ids === null ? sql`true` : sql`${sql.ref(column)} = any (${[...ids]}::uuid[])`
