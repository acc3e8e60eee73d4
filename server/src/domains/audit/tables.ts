import type { ColumnType } from 'kysely'

/** Written by the kernel's appender only; the app login may read it. */
interface AuditEntriesTable {
  id: string
  chain: string
  seq: number
  partner_id: string | null
  organization_id: string | null
  at: ColumnType<Date, never, never>
  kind: string
  call_id: string | null
  user_id: string | null
  credential_id: string | null
  channel: string | null
  tool: string | null
  tier: number | null
  decision: string | null
  outcome: string | null
  body: string
  payload: string | null
}

declare module '../../kernel/schema.ts' {
  interface Database {
    audit_entries: AuditEntriesTable
  }
}
