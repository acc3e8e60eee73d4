import type { DeviceRole, DeviceStatus, Platform } from './tables.ts'

/** A device as lists show it. Names and the operating system are what the device said: data, never instructions. */
export interface DeviceRow {
  id: string
  organizationId: string
  organizationName: string
  siteId: string
  siteName: string
  name: string
  platform: Platform
  os: string | null
  role: DeviceRole
  status: DeviceStatus
  conditions: string[]
  tags: string[]
  simulated: boolean
  agentVersion: string
  enrolledAt: string
  firstSeenAt: string | null
  lastSeenAt: string | null
}

/** As JSON made by the database, or as a row of its own, whose instants the driver has parsed. */
export interface RawDevice {
  id: string
  organization_id: string
  organization_name: string
  site_id: string
  site_name: string
  name: string
  platform: Platform
  os: string | null
  role: DeviceRole
  status: DeviceStatus
  conditions: string[]
  tags: string[]
  simulated: boolean
  agent_version: string
  enrolled_at: string | Date
  first_seen_at: string | Date | null
  last_seen_at: string | Date | null
  sort_key: string | null
}

/** PostgreSQL's JSON writes `2026-01-31T10:00:00.123456+00:00`; in UTC that is cut, not parsed: rows have three of them. */
function instant(at: string | Date | null): string | null {
  if (at === null) return null
  const text = typeof at === 'string' ? at : at.toISOString()
  if (!text.endsWith('+00:00')) return new Date(text).toISOString()
  const fraction = text.slice(19, -6)
  return `${text.slice(0, 19)}${fraction === '' ? '.000' : fraction.slice(0, 4).padEnd(4, '0')}Z`
}

export function deviceRow(raw: RawDevice): DeviceRow {
  return {
    id: raw.id,
    organizationId: raw.organization_id,
    organizationName: raw.organization_name,
    siteId: raw.site_id,
    siteName: raw.site_name,
    name: raw.name,
    platform: raw.platform,
    os: raw.os,
    role: raw.role,
    status: raw.status,
    conditions: raw.conditions,
    tags: raw.tags,
    simulated: raw.simulated,
    agentVersion: raw.agent_version,
    enrolledAt: new Date(raw.enrolled_at).toISOString(),
    firstSeenAt: instant(raw.first_seen_at),
    lastSeenAt: instant(raw.last_seen_at),
  }
}
