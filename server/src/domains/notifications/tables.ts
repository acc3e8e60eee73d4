import type { ColumnType } from 'kysely'
import type { Severity } from '../alerts/tables.ts'

export const CHANNEL_KINDS = ['webhook', 'email', 'teams', 'slack'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]
export const NOTIFICATION_KINDS = ['alerts', 'escalation', 'reminder', 'resolved'] as const
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number]
export const NOTIFICATION_STATES = ['waiting', 'sending', 'retrying', 'sent', 'failed', 'dropped'] as const
export type NotificationState = (typeof NOTIFICATION_STATES)[number]

type Instant = ColumnType<Date, Date, Date>
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>
type Defaulted<T> = ColumnType<T, T | undefined, T>

export interface NotificationChannelsTable {
  id: string
  partner_id: string
  organization_id: Optional<string>
  name: string
  kind: ChannelKind
  target: Buffer
  shown: string
  enabled: Defaulted<boolean>
  created_at: Instant
  updated_at: Instant
  updated_by: string
}

export interface NotificationRoutesTable {
  id: string
  partner_id: string
  organization_id: Optional<string>
  name: string
  channel_id: string
  severity: Severity
  signals: string[]
  group_wait_seconds: number
  remind_after_minutes: Optional<number>
  escalate_after_minutes: Optional<number>
  tells_resolved: boolean
  quiet_hours: unknown
  enabled: Defaulted<boolean>
  created_at: Instant
  updated_at: Instant
  updated_by: string
}

export interface NotificationsTable {
  id: string
  organization_id: string
  site_id: Optional<string>
  route_id: Optional<string>
  channel_id: Optional<string>
  kind: NotificationKind
  state: Defaulted<NotificationState>
  alert_ids: string[]
  subject: Optional<string>
  attempts: Defaulted<number>
  due_at: Instant
  reason: Optional<string>
  created_at: Instant
  ended_at: Optional<Date>
}

declare module '../../kernel/schema.ts' {
  interface Database {
    notification_channels: NotificationChannelsTable
    notification_routes: NotificationRoutesTable
    notifications: NotificationsTable
  }
}
