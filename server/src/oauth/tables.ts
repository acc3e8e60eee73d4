import type { ColumnType } from 'kysely'

export const REVOKED_BECAUSE = ['user', 'administrator', 'client', 'reuse', 'blocked'] as const
export type RevokedBecause = (typeof REVOKED_BECAUSE)[number]

/** What requests may read of a grant. Its tokens are nowhere in a tenant's reach. */
export interface OauthGrantsTable {
  id: string
  partner_id: string
  organization_id: string | null
  organization_ids: string[] | null
  user_id: string
  client_id: string
  client_name: string
  client_host: string | null
  first_party: boolean
  redirect_host: string
  scopes: string[]
  created_at: Date
  last_authorized_at: Date
  last_used_at: Date | null
  expires_at: Date
  revoked_at: ColumnType<Date | null, never, Date>
  revoked_reason: ColumnType<RevokedBecause | null, never, RevokedBecause>
  revoked_by: ColumnType<string | null, never, string | null>
}

declare module '../kernel/schema.ts' {
  interface Database {
    oauth_grants: OauthGrantsTable
  }
}
