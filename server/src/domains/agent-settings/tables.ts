import type { ColumnType } from 'kysely'

export interface AgentSettingsTable {
  id: string
  partner_id: string
  organization_id: string | null
  settings: ColumnType<unknown, string, string>
  updated_by: string
  updated_at: ColumnType<Date, Date, Date>
}

declare module '../../kernel/schema.ts' {
  interface Database {
    agent_settings: AgentSettingsTable
  }
}
