import type { ColumnType } from 'kysely'

export const COMMAND_STATES = [
  'queued',
  'delivered',
  'accepted',
  'started',
  'succeeded',
  'failed',
  'timed_out',
  'rejected',
  'interrupted',
  'expired',
  'cancelled',
] as const
export type CommandState = (typeof COMMAND_STATES)[number]

const open: ReadonlySet<CommandState> = new Set(['queued', 'delivered', 'accepted', 'started'])
export const isOpen = (state: CommandState): boolean => open.has(state)

type Instant = ColumnType<Date, Date, Date>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>

export interface DeviceCommandsTable {
  id: string
  organization_id: string
  site_id: string
  device_id: string
  operation_id: string
  type: string
  key_id: string
  payload: string
  signature: string
  state: CommandState
  reason: string | null
  issued_at: Instant
  expires_at: Instant
  run_seconds: number
  give_up_at: Instant
  delivered_at: OptionalInstant
  started_at: OptionalInstant
  finished_at: OptionalInstant
  result_at: OptionalInstant
  exit_code: number | null
  signal: string | null
  output: string | null
  output_bytes: number | null
  truncated: boolean | null
  duration_ms: number | null
  data: unknown
  boot_before: string | null
  returned_at: OptionalInstant
  cancel_requested_at: OptionalInstant
  cancel_reason: string | null
  streamed_bytes: ColumnType<number, number | undefined, number>
  streamed_chunks: ColumnType<number, number | undefined, number>
  sealed: ColumnType<boolean, boolean | undefined, boolean>
  at_once: ColumnType<number | null, number | null | undefined, number | null>
  passing: ColumnType<boolean, boolean | undefined, boolean>
}

export interface DeviceCommandOutputTable {
  command_id: string
  sequence: number
  organization_id: string
  site_id: string
  text: string
}

declare module '../../kernel/schema.ts' {
  interface Database {
    device_commands: DeviceCommandsTable
    device_command_output: DeviceCommandOutputTable
  }
}
