import type { ColumnType } from 'kysely'
import type { RolloutState } from './machine.ts'

export const OUTCOMES = ['succeeded', 'failed', 'passed_over', 'cancelled'] as const
export type RolloutOutcome = (typeof OUTCOMES)[number]

type Instant = ColumnType<Date, Date, Date>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>
type Json = ColumnType<unknown, string, string>

export interface RolloutsTable {
  id: string
  partner_id: string
  organization_ids: string[]
  operation_id: string
  kind: string
  plan: Json
  task: Json
  user_id: string
  user_name: string
  credential_kind: string
  credential_id: string
  credential_name: string
  scopes: string[] | null
  client: string | null
  state: RolloutState
  reason: ColumnType<string | null, string | null | undefined, string | null>
  stage: ColumnType<number | null, number | null | undefined, number | null>
  starts_at: Instant
  soak_until: OptionalInstant
  patience_until: OptionalInstant
  give_up_at: Instant
  created_at: Instant
  changed_at: Instant
  finished_at: OptionalInstant
  undoes: ColumnType<string | null, string | null | undefined, never>
}

export interface RolloutDevicesTable {
  rollout_id: string
  device_id: string
  organization_id: string
  site_id: string
  stage: number
  phase: ColumnType<string, string | undefined, string>
  outcome: ColumnType<RolloutOutcome | null, RolloutOutcome | null | undefined, RolloutOutcome | null>
  reason: ColumnType<string | null, string | null | undefined, string | null>
  reason_by_device: ColumnType<boolean, boolean | undefined, boolean>
  due_at: OptionalInstant
  command_id: ColumnType<string | null, string | null | undefined, string | null>
  detail: ColumnType<unknown, string | undefined, string>
  phase_since: OptionalInstant
  finished_at: OptionalInstant
  undone_by: ColumnType<string | null, string | null | undefined, string | null>
}

declare module '../../kernel/schema.ts' {
  interface Database {
    rollouts: RolloutsTable
    rollout_devices: RolloutDevicesTable
  }
}
