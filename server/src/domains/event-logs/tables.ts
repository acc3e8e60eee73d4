import type { LogEntry } from '@breeze/contract/agent-commands'
import type { ColumnType } from 'kysely'

type Instant = ColumnType<Date, Date, Date>

export interface DeviceEventsTable {
  device_id: string
  sequence: number
  position: number
  organization_id: string
  site_id: string
  watch_id: string
  log: string
  at: Instant
  received_at: Instant
  source: string
  program: string | null
  level: LogEntry['level']
  message: string
  count: number
  user_name: string | null
  address: string | null
}

declare module '../../kernel/schema.ts' {
  interface Database {
    device_events: DeviceEventsTable
  }
}
