/** The facts of many devices from what is stored of them, in a few statements. */
import { postureData, type SectionData, usersSection, osSection } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import type { Tx } from '../../kernel/db.ts'
import type { DeviceRole, Platform } from '../devices/tables.ts'
import { type Lacking, lackingUpdates } from '../patches/lacking.ts'
import type { DeviceFacts, LogService, StoredFact, Support } from './checks/facts.ts'

export interface Subject {
  id: string
  organizationId: string
  siteId: string
  partnerId: string
  /** Of what was said of it the last time; null when it never was. */
  digest: string | null
  /** One of its failures is accepted. */
  isWaived: boolean
  facts: DeviceFacts
}

/** Changes of these sections can change a verdict. */
export const JUDGED_SECTIONS: ReadonlySet<string> = new Set([
  'os',
  'users',
  'posture',
  'services',
  'software',
  'updates',
])

const DEVICES = `
  select d.id, d.organization_id, d.site_id, o.partner_id, d.role, d.platform, d.enrolled_at, p.last_seen_at, e.digest,
    coalesce(e.standing like '%w%', false) as waived
  from devices d
    join organizations o on o.id = d.organization_id
    left join device_presence p on p.device_id = d.id
    left join compliance_evaluations e on e.device_id = d.id
  where d.id = any ($1::uuid[]) and d.removed_at is null`

/** Services that record what happens, by the names that systems give them; a device may list hundreds of others. */
const LOG_SERVICES =
  '^(systemd-journald|rsyslogd?|syslog|syslog-ng|sysklogd|metalog|(busybox|inetutils)-syslogd?|auditd|EventLog|com\\.apple\\.(logd|auditd))(\\.service)?$'

// Pending updates are rows of their own. A section that the device has anew and has not sent counts as of when that was noticed.
const SECTIONS = `
  select s.device_id, s.section, s.status, s.source, s.detail, s.collected_at,
    coalesce(s.outdated_since, greatest(s.received_at, p.last_seen_at)) as confirmed_at,
    case when s.section = 'services'
      then jsonb_path_query_array(s.data, ('$[*] ? (@.name like_regex ' || to_jsonb($2::text)::text || ')')::jsonpath)
      when s.section <> 'updates' then s.data end as data
  from device_sections s left join device_presence p on p.device_id = s.device_id
  where s.device_id = any ($1::uuid[]) and s.section in ('os', 'users', 'posture', 'services', 'software', 'updates')`

interface DeviceRow {
  id: string
  organization_id: string
  site_id: string
  partner_id: string
  digest: string | null
  waived: boolean
  role: DeviceRole
  platform: Platform
  enrolled_at: Date
  last_seen_at: Date | null
}

interface SectionRow {
  device_id: string
  section: string
  status: string
  source: string
  detail: string | null
  collected_at: Date
  confirmed_at: Date
  data: unknown
}

const logServices = z.array(z.object({ name: z.string(), state: z.string() }))
const softwareCount = z.object({ count: z.number() })
type Sections = ReadonlyMap<string, SectionRow>

/** What a table of releases says of a system. */
export type SupportOf = (os: SectionData<'os'>) => Support | null

/** Devices that are gone are not among the answers. */
export async function loadSubjects(
  tx: Tx,
  now: Date,
  ids: readonly string[],
  supportOf: SupportOf = () => null,
): Promise<Subject[]> {
  const devices = await tx.prepared<DeviceRow>('compliance_devices', DEVICES, [ids])
  const sections = new Map<string, Map<string, SectionRow>>()
  for (const row of await tx.prepared<SectionRow>('compliance_sections', SECTIONS, [ids, LOG_SERVICES])) {
    const own = sections.get(row.device_id) ?? new Map<string, SectionRow>()
    sections.set(row.device_id, own.set(row.section, row))
  }
  const lacking = await lackingUpdates(tx, ids)
  return devices.map((device) => {
    const facts = factsOf(now, device, sections.get(device.id) ?? new Map(), lacking.get(device.id))
    const support = facts.os?.data ? supportOf(facts.os.data) : null
    return { ...placed(device), facts: { ...facts, support } }
  })
}

const placed = (device: DeviceRow) => ({
  id: device.id,
  organizationId: device.organization_id,
  siteId: device.site_id,
  digest: device.digest,
  isWaived: device.waived,
  partnerId: device.partner_id,
})

function factsOf(
  now: Date,
  device: DeviceRow,
  sections: Sections,
  lacking: Lacking | undefined,
): Omit<DeviceFacts, 'support'> {
  return {
    now,
    role: device.role,
    platform: device.platform,
    enrolledAt: device.enrolled_at,
    lastSeenAt: device.last_seen_at,
    os: stored(sections, 'os', (data): SectionData<'os'> | null => parsed(osSection.shape.data, data)),
    users: stored(sections, 'users', (data): SectionData<'users'> | null => parsed(usersSection.shape.data, data)),
    posture: stored(sections, 'posture', (data) => parsed(postureData, data)),
    logServices: stored(sections, 'services', (data) => parsed(logServices, data) as LogService[] | null),
    software: stored(sections, 'software', (data) => parsed(softwareCount, data)),
    updates: lacking ? stored(sections, 'updates', () => lacking) : null,
    rebootPendingSince: lacking?.rebootPendingSince?.toISOString() ?? null,
  }
}

function stored<Data>(
  sections: Sections,
  name: string,
  parse: (data: unknown) => Data | null,
): StoredFact<Data> | null {
  const row = sections.get(name)
  if (!row) return null
  return {
    status: row.status,
    source: row.source,
    collectedAt: row.collected_at.toISOString(),
    confirmedAt: row.confirmed_at,
    detail: row.detail,
    data: row.status === 'ok' ? parse(row.data) : null,
  }
}

/** Null for what an older or newer agent said otherwise than this version of the protocol does. */
function parsed<Data>(schema: z.ZodType<Data | undefined>, data: unknown): Data | null {
  const result = schema.safeParse(data)
  return result.success ? (result.data ?? null) : null
}
