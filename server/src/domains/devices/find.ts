/** One device by id or name, and the devices that an act is about. */
import type { SectionName } from '@breeze/contract/agent-inventory'
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import type { Target } from '../../kernel/tool.ts'
import { isUuid } from '../../kernel/uuid.ts'
import { confirmedAt } from './freshness.ts'
import { deviceConditions, type DeviceFilter } from './filter.ts'
import { type DeviceRow, deviceRow, type RawDevice } from './rows.ts'
import type { HeartbeatFacts } from './presence-writes.ts'
import type { DeviceRole, DeviceStatus, Platform } from './tables.ts'

export type Found =
  | { match: 'one'; device: DeviceRow }
  | { match: 'none' }
  /** Several devices bear the name: at most 20 of them. */
  | { match: 'candidates'; candidates: DeviceRow[] }

export interface DeviceSection {
  name: string
  /** `ok`, or why there is no data. */
  status: string
  source: string
  collectedAt: string
  receivedAt: string
  /** Until when the content is known to have been true. */
  confirmedAt: string
  detail: string | null
  data: unknown
}

export interface DeviceDetails extends DeviceRow {
  machineId: string
  /** Of the last heartbeat; null before the first. */
  heartbeat: HeartbeatFacts | null
  sections: DeviceSection[]
}

const CANDIDATES = 20

/** The id, or the exact name whatever its case. Guesses nothing: a part of a name is for the list's text filter. */
export async function findDevice(tx: Tx, idOrName: string): Promise<Found> {
  const wanted = isUuid(idOrName)
    ? sql`d.id = ${idOrName}::uuid`
    : sql`lower(d.name) = lower(${idOrName.replaceAll('\0', '')})`
  const built = sql<RawDevice>`
    select d.id, d.organization_id, o.name as organization_name, d.site_id, s.name as site_name, d.name, d.platform, d.os, d.role,
      d.status, d.conditions, d.tags, d.simulated, d.agent_version, d.enrolled_at, d.first_seen_at, p.last_seen_at
    from devices d
    join organizations o on o.id = d.organization_id
    join sites s on s.id = d.site_id
    left join device_presence p on p.device_id = d.id
    where d.removed_at is null and ${wanted}
    order by d.id limit ${CANDIDATES}`
  const found = (await tx.all<RawDevice>({ compile: () => built.compile(query) })).map(deviceRow)
  const [device] = found
  if (!device) return { match: 'none' }
  return found.length === 1 ? { match: 'one', device } : { match: 'candidates', candidates: found }
}

/** Null for what the transaction does not see. */
export async function deviceDetails(
  tx: Tx,
  id: string,
  sections: readonly SectionName[],
): Promise<DeviceDetails | null> {
  const found = isUuid(id) ? await findDevice(tx, id) : null
  if (found?.match !== 'one') return null
  const more = await tx.first(
    query
      .selectFrom('devices as d')
      .leftJoin('device_presence as p', 'p.device_id', 'd.id')
      .select(['d.machine_id', 'p.device_id as heard', 'p.boot_id', 'p.uptime_seconds', 'p.cpu_percent'])
      .select(['p.memory_percent', 'p.clock_skew_ms'])
      .where('d.id', '=', id),
  )
  if (!more) return null
  const heartbeat: HeartbeatFacts = {
    bootId: more.boot_id,
    uptimeSeconds: more.uptime_seconds,
    cpuPercent: more.cpu_percent,
    memoryPercent: more.memory_percent,
    clockSkewMs: more.clock_skew_ms,
  }
  return {
    ...found.device,
    machineId: more.machine_id,
    heartbeat: more.heard === null ? null : heartbeat,
    sections: sections.length === 0 ? [] : await readSections(tx, found.device, sections),
  }
}

async function readSections(
  tx: Tx,
  { id, lastSeenAt }: Pick<DeviceRow, 'id' | 'lastSeenAt'>,
  names: readonly SectionName[],
): Promise<DeviceSection[]> {
  const rows = await tx.all(
    query
      .selectFrom('device_sections')
      .select(['section', 'status', 'source', 'collected_at', 'received_at', 'outdated_since', 'detail', 'data'])
      .where('device_id', '=', id)
      .where('section', 'in', [...names])
      .orderBy('section'),
  )
  return rows.map((row) => ({
    name: row.section,
    status: row.status,
    source: row.source,
    collectedAt: row.collected_at.toISOString(),
    receivedAt: row.received_at.toISOString(),
    confirmedAt: confirmedAt({
      collectedAt: row.collected_at,
      receivedAt: row.received_at,
      outdatedSince: row.outdated_since,
      lastSeenAt: lastSeenAt === null ? null : new Date(lastSeenAt),
    }).toISOString(),
    detail: row.detail,
    data: row.data,
  }))
}

export interface DeviceTarget extends Target {
  kind: 'device'
  organizationId: string
  siteId: string
  role: DeviceRole
  status: DeviceStatus
  conditions: string[]
}

/** What is not known yet weighs like a server: a confirmation too many does no harm. */
const WEIGHT: Partial<Record<DeviceRole, string>> = {
  server: 'server',
  domain_controller: 'domain controller',
  database: 'database server',
  hypervisor: 'hypervisor',
  unknown: 'device of unknown role',
}

/** The devices an act would touch, by name; `more` when there are others beyond the limit. */
export async function targetsByFilter(
  tx: Tx,
  filter: DeviceFilter,
  limit: number,
): Promise<{ targets: DeviceTarget[]; more: boolean }> {
  const built = sql<RawTarget>`
    select d.id, d.name, d.organization_id, d.site_id, d.role, d.status, d.conditions
    from devices d left join device_presence p on p.device_id = d.id
    where ${sql.join(deviceConditions(filter), sql` and `)}
    order by lower(d.name), d.id limit ${limit + 1}`
  const rows = await tx.all<RawTarget>({ compile: () => built.compile(query) })
  return { targets: rows.slice(0, limit).map(target), more: rows.length > limit }
}

interface RawTarget {
  id: string
  name: string
  organization_id: string
  site_id: string
  role: DeviceRole
  status: DeviceStatus
  conditions: string[]
}

function target(row: RawTarget): DeviceTarget {
  const critical = WEIGHT[row.role]
  return {
    kind: 'device',
    id: row.id,
    name: row.name,
    organizationId: row.organization_id,
    siteId: row.site_id,
    role: row.role,
    status: row.status,
    conditions: row.conditions,
    ...(critical && { critical }),
    ...(row.status !== 'online' && { caveat: `${row.status}: it would wait until the device connects` }),
  }
}

export async function platformsOf(tx: Tx, ids: readonly string[]): Promise<Map<string, Platform>> {
  const text = 'select id, platform from devices where id = any ($1::uuid[])'
  const rows = await tx.prepared<{ id: string; platform: Platform }>('platforms_of', text, [ids])
  return new Map(rows.map((row) => [row.id, row.platform]))
}
