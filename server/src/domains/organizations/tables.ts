import type { ColumnType } from 'kysely'

type Made = ColumnType<Date, Date | undefined, never>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>
type Defaulted<T> = ColumnType<T, T | undefined, T>

export interface OrganizationsTable {
  id: string
  partner_id: string
  name: string
  kind: Defaulted<'customer' | 'internal'>
  assistants_enabled: Defaulted<boolean>
  approval_limit: Defaulted<number>
  approval_hours: Defaulted<number>
  requester_may_decide: Defaulted<boolean>
  untrusted_minutes: Defaulted<number | null>
  suspended_at: OptionalInstant
  created_at: Made
}

export interface SitesTable {
  id: string
  organization_id: string
  name: string
  created_at: Made
}

declare module '../../kernel/schema.ts' {
  interface Database {
    organizations: OrganizationsTable
    sites: SitesTable
  }
}
