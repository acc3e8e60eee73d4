import type { ColumnType } from 'kysely'

export interface LifecycleReleasesTable {
  product: string
  cycle: string
  label: string
  /** Dates are asked for as text: the driver would parse them to local midnight. */
  supported_until: Date | null
  ended: boolean | null
  extended_until: Date | null
  imported_at: ColumnType<Date, Date, Date>
  file: string
}

declare module '../../kernel/schema.ts' {
  interface Database {
    lifecycle_releases: LifecycleReleasesTable
  }
}
