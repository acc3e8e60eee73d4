import type { ColumnType } from 'kysely'

export const RESULTS = ['pass', 'fail', 'unknown', 'not_applicable'] as const
/** What a check says of a device. */
export type Result = (typeof RESULTS)[number]
export const STATUSES = ['fail', 'unknown', 'waived', 'pass', 'not_applicable'] as const
/** A result with waivers laid over it, worst first. */
export type Status = (typeof STATUSES)[number]

type Instant = ColumnType<Date, Date, Date>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>

interface ResultsTable {
  device_id: string
  check_id: string
  organization_id: string
  site_id: string
  check_version: number
  result: Result
  reason: string | null
  seen: string
  items: unknown
  source: string | null
  collected_at: OptionalInstant
  since: Instant
  waiver_id: string | null
  waived_until: OptionalInstant
}

interface EvaluationsTable {
  device_id: string
  organization_id: string
  site_id: string
  evaluated_at: Instant
  standing: string | null
  catalogue: string | null
  digest: string | null
}

interface WaiversTable {
  id: string
  organization_id: string
  site_id: string | null
  device_id: string | null
  tag: string | null
  group_id: string | null
  check_id: string
  reason: string
  created_by: string
  created_at: Instant
  until: Instant
  ended_by: ColumnType<string | null, string | null | undefined, string | null>
  ended_at: OptionalInstant
}

interface FrameworksTable {
  id: string
  partner_id: string
  organization_id: string | null
  name: string
  version: number
  controls: ColumnType<unknown, string, string>
  updated_by: string
  updated_at: Instant
}

interface SettingsTable {
  id: string
  partner_id: string
  organization_id: string | null
  settings: ColumnType<unknown, string, string>
  updated_by: string
  updated_at: Instant
}

interface HistoryTable {
  organization_id: string
  site_id: string
  framework: string
  day: string
  framework_version: string
  devices: number
  passed: number
  failed: number
  unknown: number
  waived: number
  not_applicable: number
  weight_passed: number
  weight_failed: number
}

declare module '../../kernel/schema.ts' {
  interface Database {
    compliance_results: ResultsTable
    compliance_evaluations: EvaluationsTable
    compliance_waivers: WaiversTable
    compliance_frameworks: FrameworksTable
    compliance_settings: SettingsTable
    compliance_history: HistoryTable
  }
}
