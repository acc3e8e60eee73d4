import type { ColumnType } from 'kysely'

type Instant = ColumnType<Date, Date, Date>
type Defaulted<T> = ColumnType<T, T | undefined, T>
type Json = ColumnType<unknown, string, string>

export interface MaintenanceWindowsTable {
  id: string
  partner_id: string
  organization_id: string | null
  name: string
  scope: Json
  recurrence: Json
  time_zone: string
  duration_minutes: number
  enabled: Defaulted<boolean>
  version: Defaulted<number>
  created_at: Instant
  created_by: string
  updated_at: Instant
  updated_by: string
}

declare module '../../kernel/schema.ts' {
  interface Database {
    maintenance_windows: MaintenanceWindowsTable
  }
}
