import type { ColumnType } from 'kysely'
import type { Credential } from '../../kernel/caller.ts'

type Fixed<T> = ColumnType<T, T, never>
type Later<T> = ColumnType<T | null, never, T | null>

export const ENDINGS = ['time', 'person', 'emergency_stop', 'credential'] as const
export type Ending = (typeof ENDINGS)[number]

export interface ElevationsTable {
  id: string
  partner_id: string
  organization_id: string
  credential_kind: Fixed<Credential['kind']>
  credential_id: Fixed<string>
  credential_name: Fixed<string>
  user_id: Fixed<string>
  user_name: Fixed<string>
  scope: Fixed<string>
  minutes: Fixed<number>
  reason: Fixed<string>
  operation_id: Fixed<string>
  granted_by: Fixed<string>
  granted_by_name: Fixed<string>
  started_at: Fixed<Date>
  ends_at: Fixed<Date>
  ended_at: Later<Date>
  ended_because: Later<Ending>
  ended_by: Later<string>
  ended_by_name: Later<string>
  told_at: Later<Date>
}

declare module '../../kernel/schema.ts' {
  interface Database {
    elevations: ElevationsTable
  }
}
