/** Alerts that have something in common, the worst group first: one critical alert outweighs any number of lesser ones. */
import { type RawBuilder, sql } from 'kysely'
import type { SeverityCounts } from './severities.ts'
import { SEVERITIES } from './tables.ts'

export const GROUPINGS = ['severity', 'device', 'organization', 'source'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface AlertGroup {
  /** An id, a severity or a signal; null where the alerts concern no device. */
  key: string | null
  name: string
  /** Of a device. */
  organization: string | null
  /** Of a device: whether it can be reached. */
  status: string | null
  total: number
  counts: SeverityCounts
  /** The title of the worst alert of a device. */
  first: string | null
}

export interface RawGroup extends SeverityCounts {
  key: string | null
  name: string | null
  organization_name: string | null
  status?: string | null
  first: string | null
  total: number
  in_all: number
}

export const readGroup = (raw: RawGroup): AlertGroup => ({
  key: raw.key,
  name: raw.name ?? 'no device',
  organization: raw.organization_name,
  status: raw.status ?? null,
  total: raw.total,
  counts: { critical: raw.critical, high: raw.high, medium: raw.medium, low: raw.low, info: raw.info },
  first: raw.first,
})

/** Counting stops here. */
const GROUPED_AT_MOST = 50_000
const GROUPS_SHOWN = 25
const DEVICES_SHOWN = 10
/** Among so many of the worst alerts the devices that come first are looked for. */
const WORST_ALERTS = 1000

type Conditions = readonly RawBuilder<unknown>[]

const all = (conditions: Conditions): RawBuilder<unknown> => sql.join([...conditions], sql` and `)
const BY_SEVERITY = sql.join(
  SEVERITIES.map((severity) => sql`count(*) filter (where severity = ${sql.lit(severity)}) as ${sql.ref(severity)}`),
)
const WORST_FIRST = sql.join(SEVERITIES.map((severity) => sql`${sql.ref(severity)} desc`))

const grouped = (conditions: Conditions, column: string): RawBuilder<unknown> => sql`
  select key, count(*) as total, ${BY_SEVERITY}, count(*) over () as in_all
  from (
    select a.severity, ${sql.ref(`a.${column}`)} as key from alerts a where ${all(conditions)} limit ${sql.lit(GROUPED_AT_MOST)}) matching
  group by key order by ${WORST_FIRST}, key limit ${sql.lit(GROUPS_SHOWN)}`

const KEYS = { severity: 'severity', source: 'signal', organization: 'organization_id', device: 'device_id' } as const

/** Of `alerts a` under these conditions. */
export function groupsOf(conditions: Conditions, by: Grouping): RawBuilder<unknown> {
  const groups = grouped(conditions, KEYS[by])
  switch (by) {
    case 'severity':
    case 'source':
      return sql`select g.*, g.key as name, null as organization_name, null as first from (${groups}) g`
    case 'organization':
      return sql`select g.*, o.name, null as organization_name, null as first
        from (${groups}) g join organizations o on o.id = g.key order by ${WORST_FIRST}, o.name`
    case 'device':
      return named(conditions, groups)
  }
}

/** The devices with the worst alerts, whatever the number of alerts: looked for from the worst down, then counted whole. */
export function devicesFirst(conditions: Conditions): RawBuilder<unknown> {
  const first = sql`
    select device_id from (
      select a.device_id, a.severity from alerts a where ${all(conditions)}
      order by severity_weight(a.severity) desc, a.opened_at desc, a.id desc limit ${sql.lit(WORST_ALERTS)}) worst
    where device_id is not null
    group by device_id order by ${sql.join(SEVERITIES.map((of) => sql`count(*) filter (where severity = ${sql.lit(of)}) desc`))}, device_id
    limit ${sql.lit(DEVICES_SHOWN)}`
  const counted = sql`
    select a.device_id as key, count(*) as total, ${BY_SEVERITY}, null as in_all
    from alerts a where a.device_id = any (array(${first})) and ${all(conditions)} group by a.device_id`
  return named(conditions, counted)
}

/** Each with the title of its worst alert, looked up by the device: few have more than a handful. */
const named = (conditions: Conditions, groups: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select g.*, d.name, d.status, o.name as organization_name, (
    select a.title from alerts a where a.device_id = g.key and ${all(conditions)}
    order by severity_weight(a.severity) desc, a.opened_at desc limit 1) as first
  from (${groups}) g left join devices d on d.id = g.key left join organizations o on o.id = d.organization_id
  order by ${WORST_FIRST}, d.name nulls last`
