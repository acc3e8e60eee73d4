import type { ColumnType, Generated } from 'kysely'

/** From worst to least. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]
export const ALERT_STATUSES = ['open', 'acknowledged', 'resolved'] as const
export type AlertStatus = (typeof ALERT_STATUSES)[number]
export type AlertState = 'firing' | 'clearing' | 'flapping' | 'no_data' | 'clear'
export type Suppression = 'parent' | 'maintenance' | 'device_offline' | 'rule'
export type AlertEventKind =
  | 'opened'
  | 'recurred'
  | 'severity'
  | 'flapping'
  | 'steady'
  | 'no_data'
  | 'data_again'
  | 'clearing'
  | 'suppressed'
  | 'surfaced'
  | 'acknowledged'
  | 'unacknowledged'
  | 'escalated'
  | 'resolved'
  | 'noted'

type Instant = ColumnType<Date, Date, Date>
type Defaulted<T> = ColumnType<T, T | undefined, T>
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>

export interface AlertRulesTable {
  id: string
  partner_id: string
  organization_id: Optional<string>
  name: string
  signal: string
  condition: unknown
  scope: Defaulted<unknown>
  severity: Severity
  fire_after_seconds: Defaulted<number>
  clear_after_seconds: Defaulted<number>
  auto_resolve: Defaulted<boolean>
  notify: Defaulted<boolean>
  enabled: Defaulted<boolean>
  built_in: Optional<string>
  /** Why it is no longer looked after, though it is enabled. */
  halted: Optional<string>
  version: Defaulted<number>
  created_at: Instant
  updated_at: Instant
  updated_by: Optional<string>
}

export interface AlertsTable {
  id: string
  organization_id: string
  site_id: Optional<string>
  device_id: Optional<string>
  rule_id: Optional<string>
  signal: string
  instance: Defaulted<string>
  severity: Severity
  status: Defaulted<AlertStatus>
  state: Defaulted<AlertState>
  state_since: Defaulted<Date>
  title: string
  detail: Defaulted<unknown>
  last_value: Optional<number>
  occurrences: Defaulted<number>
  opened_at: Instant
  last_seen_at: Instant
  acknowledged_at: Optional<Date>
  acknowledged_by: Optional<string>
  acknowledged_until: Optional<Date>
  note: Optional<string>
  resolved_at: Optional<Date>
  resolved_by: Optional<string>
  escalation: Defaulted<number>
  parent_id: Optional<string>
  suppressed: Optional<Suppression>
  version: Defaulted<number>
}

export interface AlertEventsTable {
  /** Counts up: bigint, as text. */
  id: Generated<string>
  organization_id: string
  site_id: Optional<string>
  alert_id: string
  kind: AlertEventKind
  at: Instant
  user_id: Optional<string>
  note: Optional<string>
  detail: Optional<unknown>
}

export interface AlertPendingTable {
  device_id: string
  rule_id: string
  instance: Defaulted<string>
  organization_id: string
  site_id: string
  since: Instant
  last_seen_at: Instant
  value: Optional<number>
}

export type BaselineKind = 'services' | 'administrators' | 'software'

export interface AlertBaselinesTable {
  device_id: string
  kind: BaselineKind
  organization_id: string
  site_id: string
  names: string[]
}

export interface ScriptChecksTable {
  rule_id: string
  partner_id: string
  organization_id: string | null
  operation_id: string
  body: ColumnType<unknown, string, string>
  os: string[]
  user_id: string
  user_name: string
  credential_kind: string
  credential_id: string
  credential_name: string
  scopes: string[] | null
  client: string | null
}

export type CheckVerdict = 'fire' | 'clear' | 'no_data'

export interface ScriptCheckDevicesTable {
  rule_id: string
  device_id: string
  organization_id: string
  site_id: string
  command_id: Optional<string>
  due_at: Instant
  verdict: Optional<CheckVerdict>
  reason: Optional<string>
  exit_code: Optional<number>
  output: Optional<string>
  judged_at: Optional<Date>
}

declare module '../../kernel/schema.ts' {
  interface Database {
    alert_rules: AlertRulesTable
    alerts: AlertsTable
    alert_events: AlertEventsTable
    alert_pending: AlertPendingTable
    alert_baselines: AlertBaselinesTable
    script_checks: ScriptChecksTable
    script_check_devices: ScriptCheckDevicesTable
  }
}
