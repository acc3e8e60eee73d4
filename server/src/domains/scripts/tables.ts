import type { ColumnType } from 'kysely'

export interface ScriptRunsTable {
  id: string
  partner_id: string
  organization_ids: string[]
  operation_id: string
  language: string
  content: string
  content_digest: string
  timeout_seconds: number
  created_at: ColumnType<Date, Date, never>
}

declare module '../../kernel/schema.ts' {
  interface Database {
    script_runs: ScriptRunsTable
  }
}
