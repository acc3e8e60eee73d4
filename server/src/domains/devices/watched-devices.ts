/** What is known of every device at once, for whoever watches all of them from memory. */
import type { GoodbyeReason } from '@breeze/contract/agent-protocol'
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { Tx } from '../../kernel/db.ts'
import type { ScopedDevice } from './scope.ts'
import type { DeviceRole, DeviceStatus, Platform } from './tables.ts'

export interface WatchedDevice extends ScopedDevice {
  partnerId: string
  name: string
  status: DeviceStatus
  conditions: readonly string[]
  lastSeenAt: Date | null
  statusChangedAt: Date | null
  /** Why it went by its own will. */
  expected: GoodbyeReason | null
  expectedBackAt: Date | null
  overdue: boolean
  /** The server listened through all of its silence. */
  observed: boolean
  clockSkewMs: number | null
}

interface Row {
  id: string
  partner_id: string
  organization_id: string
  site_id: string
  name: string
  role: DeviceRole
  platform: Platform
  tags: string[]
  status: DeviceStatus
  conditions: string[]
  last_seen_at: Date | null
  status_changed_at: Date | null
  status_expected: GoodbyeReason | null
  expected_back_at: Date | null
  status_observed: boolean
  clock_skew_ms: number | null
}

const DEVICES = `
  select d.id, o.partner_id, d.organization_id, d.site_id, d.name, d.role, d.platform, d.tags, d.status, d.conditions,
    p.last_seen_at, d.status_changed_at, d.status_expected, d.expected_back_at, d.status_observed, p.clock_skew_ms
  from devices d join organizations o on o.id = d.organization_id left join device_presence p on p.device_id = d.id
  where d.removed_at is null`

/** All of them, or those with the ids; the removed ones are not there. */
export async function readWatchedDevices(tx: Tx, ids?: readonly string[]): Promise<WatchedDevice[]> {
  const rows =
    ids === undefined
      ? await tx.prepared<Row>('watched_devices', DEVICES, [])
      : await tx.prepared<Row>('watched_devices_by_id', `${DEVICES} and d.id = any ($1::uuid[])`, [ids])
  return rows.map((row) => ({
    id: row.id,
    partnerId: row.partner_id,
    organizationId: row.organization_id,
    siteId: row.site_id,
    name: row.name,
    role: row.role,
    platform: row.platform,
    tags: row.tags,
    groups: [],
    status: row.status,
    conditions: row.conditions,
    lastSeenAt: row.last_seen_at,
    statusChangedAt: row.status_changed_at,
    expected: row.status_expected,
    expectedBackAt: row.expected_back_at,
    overdue: row.conditions.includes('return_overdue'),
    observed: row.status_observed,
    clockSkewMs: row.clock_skew_ms,
  }))
}

export interface StoredSection {
  deviceId: string
  section: SectionName
  status: string
  data: unknown
}

interface SectionRow {
  device_id: string
  section: SectionName
  status: string
  data: unknown
}

/** Sections of these devices as they are stored; `since`: only those that were received since then. */
export async function readSectionsOf(
  tx: Tx,
  sections: readonly SectionName[],
  deviceIds: readonly string[],
  since: Date | null = null,
): Promise<StoredSection[]> {
  const rows = await tx.prepared<SectionRow>(
    'watched_sections',
    `select device_id, section, status, data from device_sections
     where device_id = any ($2::uuid[]) and section = any ($1::text[]) and ($3::timestamptz is null or received_at >= $3)`,
    [sections, deviceIds, since],
  )
  return rows.map(({ device_id: deviceId, section, status, data }) => ({ deviceId, section, status, data }))
}
