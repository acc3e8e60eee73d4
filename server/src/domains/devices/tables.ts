import type { GoodbyeReason } from '@breeze/contract/agent-protocol'
import type { ColumnType, Generated } from 'kysely'
import type { ChangeKind } from './changes/change.ts'
import type { ChangesDetail } from './changes/record.ts'

export const DEVICE_STATUSES = ['online', 'offline', 'pending'] as const
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]
export const DEVICE_ROLES = ['workstation', 'server', 'domain_controller', 'database', 'hypervisor', 'unknown'] as const
export type DeviceRole = (typeof DEVICE_ROLES)[number]
/** `services`: also packages, where services can't be told. */
export type RoleSource = 'os' | 'services' | 'person'
export type Platform = 'linux' | 'windows' | 'macos'

type Instant = ColumnType<Date, Date, Date>
type Made = ColumnType<Date, Date | undefined, Date>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>
type Defaulted<T> = ColumnType<T, T | undefined, T>

export interface EnrollmentTokensTable {
  id: string
  organization_id: string
  site_id: string
  hash: Buffer
  uses_left: number
  simulated: Defaulted<boolean>
  requires_approval: Defaulted<boolean>
  created_by: string
  created_at: Made
  expires_at: Instant
}

export interface DevicesTable {
  id: string
  organization_id: string
  site_id: string
  name: string
  machine_id: string
  public_key: Buffer
  next_public_key: ColumnType<Buffer | null, Buffer | null | undefined, Buffer | null>
  copy_of: ColumnType<string | null, string | null | undefined, string | null>
  platform: Platform
  os: string | null
  role: Defaulted<DeviceRole>
  role_source: ColumnType<RoleSource | null, RoleSource | null | undefined, RoleSource | null>
  simulated: Defaulted<boolean>
  agent_version: string
  status: Defaulted<DeviceStatus>
  conditions: Defaulted<string[]>
  tags: Defaulted<string[]>
  enrolled_with: string | null
  enrolled_at: Made
  first_seen_at: OptionalInstant
  removed_at: OptionalInstant
  status_changed_at: OptionalInstant
  status_expected: ColumnType<GoodbyeReason | null, GoodbyeReason | null | undefined, GoodbyeReason | null>
  expected_back_at: OptionalInstant
  status_observed: Defaulted<boolean>
}

export interface DevicePresenceTable {
  device_id: string
  organization_id: string
  site_id: string
  last_seen_at: Instant
  boot_id: string | null
  uptime_seconds: number | null
  cpu_percent: number | null
  memory_percent: number | null
  clock_skew_ms: number | null
  configuration_etag: string | null
  round_trip_ms: number | null
  round_trip_usual_ms: number | null
  round_trip_elevated: Defaulted<boolean>
}

export interface DeviceSectionsTable {
  device_id: string
  section: string
  organization_id: string
  site_id: string
  status: string
  source: string
  collected_at: Instant
  received_at: Made
  hash: string
  detail: string | null
  data: unknown
  version: Defaulted<number>
  outdated_since: OptionalInstant
  last_data: unknown
}

export interface DeviceSoftwareTable {
  device_id: string
  source: string
  name: string
  architecture: string
  organization_id: string
  site_id: string
  version: string
  publisher: string | null
  installed_at: OptionalInstant
  size_bytes: number | null
  source_package: string | null
  source_version: string | null
}

export interface DeviceChangesTable {
  id: Generated<number>
  device_id: string
  organization_id: string
  site_id: string
  section: string
  kind: ChangeKind
  subject: string
  before: string | null
  after: string | null
  detail: ChangesDetail | null
  first_at: Instant
  at: Instant
  hour: Instant
  occurrences: Defaulted<number>
}

export const FIELD_TYPES = ['text', 'number', 'date', 'boolean', 'choice'] as const
export type FieldType = (typeof FIELD_TYPES)[number]
export type FieldValue = string | number | boolean

export interface CustomFieldsTable {
  id: string
  partner_id: string
  organization_id: string | null
  name: string
  type: FieldType
  choices: Defaulted<string[]>
  created_at: Instant
}

export interface DeviceFieldValuesTable {
  device_id: string
  field_id: string
  organization_id: string
  site_id: string
  value: FieldValue
  updated_at: Instant
  updated_by: string
}

export interface DeviceGroupsTable {
  id: string
  partner_id: string
  organization_id: string | null
  name: string
  filter: unknown
  version: Defaulted<number>
  updated_at: Instant
  updated_by: string
}

export interface DeviceGroupMembersTable {
  group_id: string
  device_id: string
  organization_id: string
  site_id: string
}

declare module '../../kernel/schema.ts' {
  interface Database {
    custom_fields: CustomFieldsTable
    device_field_values: DeviceFieldValuesTable
    device_groups: DeviceGroupsTable
    device_group_members: DeviceGroupMembersTable
    device_changes: DeviceChangesTable
    enrollment_tokens: EnrollmentTokensTable
    devices: DevicesTable
    device_presence: DevicePresenceTable
    device_sections: DeviceSectionsTable
    device_software: DeviceSoftwareTable
  }
}
