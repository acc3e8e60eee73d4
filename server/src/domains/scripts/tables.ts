import type { ColumnType } from 'kysely'

type Instant = ColumnType<Date, Date, Date>
type Json = ColumnType<unknown, string, string>
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>
type Defaulted<T> = ColumnType<T, T | undefined, T>

export interface ScriptsTable {
  id: string
  partner_id: string
  organization_id: string | null
  name: string
  description: string
  built_in: Optional<string>
  version: number
  created_at: Instant
  updated_at: Instant
  updated_by: string | null
  archived_at: Optional<Date>
}

export interface ScriptVersionsTable {
  script_id: string
  version: number
  partner_id: string
  organization_id: string | null
  language: string
  content: string
  os: string[]
  parameters: Json
  run_as: string | null
  timeout_seconds: number
  digest: string
  note: string
  saved_at: Instant
  undo_script: Optional<string>
  saved_by: string | null
}

export interface ScriptRunsTable {
  id: string
  partner_id: string
  organization_ids: string[]
  operation_id: string
  language: string
  content: string
  content_digest: string
  timeout_seconds: number
  script_id: Optional<string>
  script_version: Optional<number>
  script_name: Optional<string>
  parameters: ColumnType<unknown, string | undefined, never>
  secrets: Defaulted<string[]>
  arguments: Defaulted<string[]>
  run_as: Optional<string>
  working_directory: Optional<string>
  concurrency: Optional<number>
  retry_of: Optional<string>
  sealed_secrets: Optional<Buffer>
  undo_script: Optional<string>
  undo_version: Optional<number>
  created_at: ColumnType<Date, Date, never>
}

declare module '../../kernel/schema.ts' {
  interface Database {
    scripts: ScriptsTable
    script_versions: ScriptVersionsTable
    script_runs: ScriptRunsTable
  }
}
