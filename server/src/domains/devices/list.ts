/** The list of devices: one statement answers the page with its open alerts, the total and the counts by status. */
import { type Compilable, type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { countedAlerts, type OpenAlerts, worstAlerts } from '../alerts/counts.ts'
import { type DeviceOrder, type DevicePosition, type DeviceSort, readPosition, writePosition } from './cursor.ts'
import { asksPresence, deviceConditions, type DeviceFilter, isCounted, placeConditions } from './filter.ts'
import { type DeviceRow, deviceRow, type RawDevice } from './rows.ts'
import type { DeviceStatus } from './tables.ts'

export interface DevicePage {
  /** At most 500; 0 for the counts alone. */
  limit: number
  cursor?: string | undefined
  /** By name upwards unless told otherwise; by last_seen, those never seen come last; by worst_alert, the worst comes first. */
  sort?: DeviceSort | undefined
  /** By worst_alert: of which organizations they may be read. */
  alertsOf?: readonly string[] | undefined
  descending?: boolean | undefined
}

/** Whoever shows the alerts asks whether its reader may see them: reach for devices is not reach for alerts. */
export type ListedDevice = DeviceRow & { alerts: OpenAlerts }

export interface DeviceList {
  devices: ListedDevice[]
  total: number
  /** There are more than `total`: counting stopped. */
  totalIsLowerBound: boolean
  /** By status among all that match; null when counting stopped. They sum to the total. */
  counts: Record<DeviceStatus, number> | null
  /** Where most of those that are offline are, the most first. On the first page, and where the counters can answer. */
  offlineSites: OfflineSite[]
  /** For the next page; null on the last. */
  cursor: string | null
}

export interface OfflineSite {
  id: string
  name: string
  offline: number
}

/** Written into the statement: with the page size as a parameter PostgreSQL plans each call anew. */
const USUAL_LIMIT = 25
/** Where counting stops when the counters can't answer. */
const COUNTED_AT_MOST = 10_000
const MAX_LIMIT = 500
const SITES_NAMED = 3

interface Answer {
  rows: (RawDevice & { open_alerts: number; worst_alert: OpenAlerts['worst'] })[]
  counts: Partial<Record<DeviceStatus, number>>
  offline_sites: OfflineSite[]
}

export async function listDevices(tx: Tx, filter: DeviceFilter, page: DevicePage): Promise<DeviceList> {
  const order = { sort: page.sort ?? 'name', descending: page.descending ?? false }
  const after = page.cursor === undefined ? null : readPosition(filter, order, page.cursor)
  const limit = Math.min(Math.max(page.limit, 0), MAX_LIMIT)
  const { descending } = order
  const rows =
    order.sort === 'name'
      ? byName(filter, after, limit + 1, descending)
      : order.sort === 'worst_alert'
        ? byAlerts(filter, page.alertsOf ?? [], after, limit + 1, descending)
        : bySeen(filter, after, limit + 1, descending)
  const answer = await run(
    tx,
    statement(rows, {
      counts: isCounted(filter) ? fromCounters(filter) : counted(filter),
      offline: isCounted(filter) && !after ? offlineSites(filter) : sql`select 1 where false`,
      order,
    }),
    hotName(filter, page),
  )
  const more = answer.rows.length > limit
  const shown = answer.rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    devices: shown.map((raw) => ({
      ...deviceRow(raw),
      alerts: { count: raw.open_alerts, worst: raw.worst_alert },
    })),
    ...totals(answer.counts, isCounted(filter)),
    offlineSites: answer.offline_sites,
    cursor: more && last ? writePosition(filter, order, { key: last.sort_key, id: last.id }) : null,
  }
}

async function run(tx: Tx, built: Compilable<Answer>, name: string | null): Promise<Answer> {
  const compiled = built.compile()
  const rows = name ? await tx.prepared<Answer>(name, compiled.sql, [...compiled.parameters]) : await tx.all(built)
  return rows[0] ?? { rows: [], counts: {}, offline_sites: [] }
}

/** The first page of everything, of one organization or of one site: asked all the time, so its plan is kept. */
function hotName(filter: DeviceFilter, page: DevicePage): string | null {
  if (!isCounted(filter) || (page.sort ?? 'name') !== 'name' || page.descending) return null
  const position = page.cursor === undefined ? 'first' : 'next'
  const size = page.limit === USUAL_LIMIT ? '' : '_sized'
  return `list_devices_${position}${size}_o${shapeOf(filter.organizationIds)}_s${shapeOf(filter.siteIds)}${filter.statuses ? '_status' : ''}`
}

function shapeOf(ids: readonly string[] | undefined): string {
  return ids === undefined ? '' : ids.length === 1 ? '1' : 'n'
}

interface Parts {
  counts: RawBuilder<unknown>
  offline: RawBuilder<unknown>
  order: DeviceOrder
}

function statement(rows: RawBuilder<unknown>, { counts, offline, order }: Parts): Compilable<Answer> {
  const direction = order.descending ? sql`desc` : sql`asc`
  const key = order.sort === 'last_seen' ? sql`p.last_seen_at` : sql`page.sort_key`
  const built = sql<Answer>`
    with page as materialized (${rows}),
    shown as (
      select page.*, p.last_seen_at, o.name as organization_name, s.name as site_name,
        a.count as open_alerts, a.worst as worst_alert,
        row_number() over (order by ${key} ${direction} nulls last, page.id ${direction}) as place
      from page
      join organizations o on o.id = page.organization_id
      join sites s on s.id = page.site_id
      left join device_presence p on p.device_id = page.id
      cross join lateral (${countedAlerts(sql`page.id`)}) a),
    counted as (${counts})
    select
      coalesce((select json_agg(shown order by place) from shown), '[]') as rows,
      coalesce((select json_object_agg(status, n) from counted), '{}') as counts,
      coalesce((select json_agg(offline_site) from (${offline}) offline_site), '[]') as offline_sites`
  return { compile: () => built.compile(query) }
}

const COLUMNS = sql`d.id, d.organization_id, d.site_id, d.name, d.platform, d.os, d.role, d.status, d.conditions, d.tags, d.simulated,
  d.agent_version, d.enrolled_at, d.first_seen_at`

/** Presence is joined before the limit only where it decides which devices match. */
function source(filter: DeviceFilter): RawBuilder<unknown> {
  if (!asksPresence(filter)) return sql`devices d`
  return sql`devices d left join device_presence p on p.device_id = d.id`
}

function byName(
  filter: DeviceFilter,
  after: DevicePosition | null,
  limit: number,
  descending: boolean,
): RawBuilder<unknown> {
  const conditions = deviceConditions(filter)
  const [compare, direction] = descending ? [sql`<`, sql`desc`] : [sql`>`, sql`asc`]
  if (after) conditions.push(sql`(lower(d.name), d.id) ${compare} (${after.key}, ${after.id}::uuid)`)
  return sql`
    select ${COLUMNS}, lower(d.name) as sort_key
    from ${source(filter)}
    where ${sql.join(conditions, sql` and `)}
    order by lower(d.name) ${direction}, d.id ${direction} limit ${rowLimit(limit)}`
}

const rowLimit = (limit: number): RawBuilder<unknown> => (limit === USUAL_LIMIT + 1 ? sql.lit(limit) : sql`${limit}`)

/** By the rank of its worst alert, `0` the worst; without any, last. */
function byAlerts(
  filter: DeviceFilter,
  alertsOf: readonly string[],
  after: DevicePosition | null,
  limit: number,
  descending: boolean,
): RawBuilder<unknown> {
  const conditions = deviceConditions(filter)
  const [compare, direction] = descending ? [sql`<`, sql`desc`] : [sql`>`, sql`asc`]
  const rank = sql`coalesce(w.rank, '5')`
  if (after) conditions.push(sql`(${rank}, d.id) ${compare} (${after.key}, ${after.id}::uuid)`)
  return sql`
    select ${COLUMNS}, ${rank} as sort_key
    from ${source(filter)} left join (${worstAlerts(alertsOf)}) w on w.device_id = d.id
    where ${sql.join(conditions, sql` and `)}
    order by ${rank} ${direction}, d.id ${direction} limit ${rowLimit(limit)}`
}

/** Two parts, so that each follows an index: those seen, then those that never were. */
function bySeen(
  filter: DeviceFilter,
  after: DevicePosition | null,
  limit: number,
  descending: boolean,
): RawBuilder<unknown> {
  const [compare, direction] = descending ? [sql`<`, sql`desc`] : [sql`>`, sql`asc`]
  const seen = deviceConditions(filter)
  const never = [...deviceConditions(filter), sql`d.first_seen_at is null`, sql`p.device_id is null`]
  if (after?.key === null) {
    seen.push(sql`false`)
    never.push(sql`d.id ${compare} ${after.id}::uuid`)
  } else if (after) {
    seen.push(sql`(p.last_seen_at, p.device_id) ${compare} (${after.key}::timestamptz, ${after.id}::uuid)`)
  }
  return sql`
    select * from (
      (select ${COLUMNS}, p.last_seen_at as seen_at, p.last_seen_at::text as sort_key
      from device_presence p join devices d on d.id = p.device_id
      where ${sql.join(seen, sql` and `)}
      order by p.last_seen_at ${direction}, p.device_id ${direction} limit ${rowLimit(limit)})
      union all
      (select ${COLUMNS}, null, null
      from devices d left join device_presence p on p.device_id = d.id
      where ${sql.join(never, sql` and `)}
      order by d.id ${direction} limit ${rowLimit(limit)})) both_parts
    order by seen_at ${direction} nulls last, id ${direction} limit ${rowLimit(limit)}`
}

function fromCounters(filter: DeviceFilter): RawBuilder<unknown> {
  const conditions = [sql`c.n > 0`, ...placeConditions(filter, 'c')]
  return sql`select c.status, sum(c.n)::bigint as n from device_counts c where ${sql.join(conditions, sql` and `)} group by c.status`
}

const offlineSites = (filter: DeviceFilter): RawBuilder<unknown> => sql`
  select s.id, s.name, c.n as offline from device_counts c join sites s on s.id = c.site_id
  where ${sql.join([sql`c.status = 'offline'`, sql`c.n > 0`, ...placeConditions(filter, 'c')], sql` and `)}
  order by c.n desc, lower(s.name), s.id limit ${sql.lit(SITES_NAMED)}`

function counted(filter: DeviceFilter): RawBuilder<unknown> {
  return sql`
    select status, count(*) as n from (
      select d.status from ${source(filter)}
      where ${sql.join(deviceConditions(filter), sql` and `)} limit ${COUNTED_AT_MOST + 1}) matching
    group by status`
}

function totals(found: Answer['counts'], exact: boolean): Pick<DeviceList, 'total' | 'totalIsLowerBound' | 'counts'> {
  const counts = { online: found.online ?? 0, offline: found.offline ?? 0, pending: found.pending ?? 0 }
  const total = counts.online + counts.offline + counts.pending
  if (!exact && total > COUNTED_AT_MOST) return { total: COUNTED_AT_MOST, totalIsLowerBound: true, counts: null }
  return { total, totalIsLowerBound: false, counts }
}
