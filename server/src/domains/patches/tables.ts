import type { ColumnType } from 'kysely'

export const PATCH_STATES = ['up_to_date', 'missing', 'failed', 'unknown'] as const
export type PatchState = (typeof PATCH_STATES)[number]
export const UPDATE_SEVERITIES = ['critical', 'important', 'moderate', 'low'] as const
export type UpdateSeverity = (typeof UPDATE_SEVERITIES)[number]

type Instant = ColumnType<Date, Date, Date>

export interface DeviceUpdatesTable {
  device_id: string
  key: string
  organization_id: string
  site_id: string
  name: string
  installed: string | null
  available: string
  security: boolean | null
  severity: UpdateSeverity | null
  article: string | null
  origin: string | null
  /** A date; the driver parses it to local midnight, so statements ask for it as text. */
  released_on: Date | null
  first_seen_at: Instant
  security_since: Instant | null
}

export interface DeviceUpdateHistoryTable {
  device_id: string
  at: Instant
  name: string
  outcome: 'installed' | 'failed'
  organization_id: string
  site_id: string
  version: string | null
  article: string | null
  reason: string | null
  recorded_at: Instant
}

export interface DevicePatchStateTable {
  device_id: string
  organization_id: string
  site_id: string
  state: PatchState
  reason: 'not_reported' | 'not_readable' | 'lists_of_unknown_age' | null
  manager: string | null
  lists_updated_at: Instant | null
  missing: number
  missing_security: number
  missing_unrated: number
  oldest_missing_at: Instant | null
  oldest_security_at: Instant | null
  failed: number
  last_failed_at: Instant | null
  history_known: boolean
  reboot_pending_since: Instant | null
  updates_hash: string | null
  history_hash: string | null
  posture_hash: string | null
  changed_at: Instant
}

export interface PatchRulesTable {
  id: string
  partner_id: string
  organization_id: string | null
  name: string
  decision: 'approve' | 'block'
  match: ColumnType<unknown, string, string>
  delay_days: number
  updated_at: ColumnType<Date, Date, Date>
  updated_by: string
}

declare module '../../kernel/schema.ts' {
  interface Database {
    device_updates: DeviceUpdatesTable
    device_update_history: DeviceUpdateHistoryTable
    device_patch_state: DevicePatchStateTable
    patch_rules: PatchRulesTable
  }
}
