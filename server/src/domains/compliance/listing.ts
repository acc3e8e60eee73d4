/** The devices behind a count: each with the checks that make its status, and what was seen. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { deviceConditions, type DeviceFilter } from '../devices/filter.ts'
import { codesSql, hasReasonSql, IS_WORKSTATION, statusSql } from './codes.ts'
import type { Control } from './frameworks/framework.ts'
import { judgedDevices } from './standing.ts'
import type { Result, Status } from './tables.ts'

export interface CheckResult {
  check: string
  status: Status
  reason: string | null
  seen: string
  /** What of the device it is about; the device's words, as is `source`. */
  items: string[]
  source: string | null
  collectedAt: Date | null
  /** Since when this has been the result; null where the device was not judged yet. */
  since: Date | null
  waivedUntil: Date | null
}

export interface DeviceResults {
  id: string
  name: string
  organization: string
  /** The worst of its checks. */
  status: Status
  checks: CheckResult[]
}

export interface ResultsQuery {
  /** The checks it is about, and to which devices they apply. */
  control: Pick<Control, 'checks' | 'devices'>
  filter: DeviceFilter
  status?: Status | undefined
  reason?: string | undefined
}

interface Position {
  name: string
  id: string
}

interface DeviceRow {
  id: string
  name: string
  sort_key: string
  organization: string
  status: Status
}

export async function listResults(
  tx: Tx,
  asked: ResultsQuery,
  page: { limit: number; after: Position | undefined },
): Promise<{ devices: DeviceResults[]; total: number; next: Position | null }> {
  const codes = codesSql(asked.control)
  const conditions = deviceConditions(asked.filter)
  if (asked.status !== undefined) conditions.push(sql`${statusSql(codes)} = ${asked.status}`)
  if (asked.reason !== undefined) conditions.push(hasReasonSql(codes, asked.reason))
  const from = judgedDevices(asked.filter)
  const counted = sql<{ n: number }>`select count(*) as n from ${from} where ${sql.join(conditions, sql` and `)}`
  const total = await tx.first<{ n: number }>({ compile: () => counted.compile(query) })
  if (page.after) conditions.push(sql`(lower(d.name), d.id) > (${page.after.name}, ${page.after.id}::uuid)`)
  const built = sql<DeviceRow>`
    select d.id, d.name, lower(d.name) as sort_key, o.name as organization, ${statusSql(codes)} as status
    from ${from} join organizations o on o.id = d.organization_id
    where ${sql.join(conditions, sql` and `)} order by lower(d.name), d.id limit ${page.limit + 1}`
  const rows = await tx.all<DeviceRow>({ compile: () => built.compile(query) })
  const shown = rows.slice(0, page.limit)
  const checks = await checksOf(
    tx,
    asked,
    shown.map(({ id }) => id),
  )
  const last = shown.at(-1)
  return {
    devices: shown.map(({ id, name, organization, status }) => {
      return { id, name, organization, status, checks: checks.get(id) ?? [] }
    }),
    total: total?.n ?? 0,
    next: rows.length > page.limit && last ? { name: last.sort_key, id: last.id } : null,
  }
}

interface CheckRow {
  device_id: string
  check_id: string
  applies: boolean
  result: Result | null
  waived: boolean
  reason: string | null
  seen: string | null
  items: string[] | null
  source: string | null
  collected_at: Date | null
  since: Date | null
  waived_until: Date | null
}

/** Only those that make the status that was asked for. */
async function checksOf(tx: Tx, { control, status, reason }: ResultsQuery, deviceIds: readonly string[]) {
  const byDevice = new Map<string, CheckResult[]>()
  if (deviceIds.length === 0) return byDevice
  const { devices } = control
  const isAsked = devices === undefined ? sql`true` : sql`${IS_WORKSTATION} = ${devices === 'workstations'}`
  const built = sql<CheckRow>`
    select d.id as device_id, m.check_id, ${isAsked} as applies, r.result, r.waiver_id is not null as waived, r.reason, r.seen,
      r.items, r.source, r.collected_at, r.since, r.waived_until
    from devices d cross join unnest(${[...control.checks]}::text[]) with ordinality m (check_id, place)
      left join compliance_results r on r.device_id = d.id and r.check_id = m.check_id
    where d.id = any (${[...deviceIds]}::uuid[]) order by d.id, m.place`
  for (const row of await tx.all<CheckRow>({ compile: () => built.compile(query) })) {
    const result = resultOf(row)
    if (status !== undefined && result.status !== status) continue
    if (reason !== undefined && result.reason !== reason) continue
    byDevice.set(row.device_id, [...(byDevice.get(row.device_id) ?? []), result])
  }
  return byDevice
}

function resultOf(row: CheckRow): CheckResult {
  const status = statusOf(row)
  return {
    check: row.check_id,
    status,
    reason: status === 'unknown' ? (row.reason ?? 'not_evaluated') : null,
    seen: row.seen ?? 'Not judged yet.',
    items: row.items ?? [],
    source: row.source,
    collectedAt: row.collected_at,
    since: row.since,
    waivedUntil: status === 'waived' ? row.waived_until : null,
  }
}

function statusOf({ applies, result, waived }: CheckRow): Status {
  if (!applies) return 'not_applicable'
  if (result === 'fail' && waived) return 'waived'
  return result ?? 'unknown'
}
