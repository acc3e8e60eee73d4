import type { ConfirmationPolicy, Permission } from '@breeze/contract/governance'
import type { ColumnType } from 'kysely'

type Made = ColumnType<Date, Date | undefined, never>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>
/** Written, never read back: no login that serves requests may select it. */
type Secret<T> = ColumnType<never, T | undefined, T>

export interface UsersTable {
  id: string
  partner_id: string
  organization_id: string | null
  kind: 'person' | 'service'
  owner_id: string | null
  email: string | null
  name: string
  password_hash: Secret<string | null>
  disabled_at: OptionalInstant
  created_at: Made
}

export interface RolesTable {
  id: string
  name: string
  level: 'partner' | 'organization'
  admin: boolean
  permissions: Permission[]
}

export interface RoleAssignmentsTable {
  id: string
  partner_id: string
  user_id: string
  role_id: string
  organization_id: string | null
  site_ids: string[] | null
}

export interface ApiKeysTable {
  id: string
  partner_id: string
  organization_id: string | null
  organization_ids: string[] | null
  user_id: string
  created_by: string
  name: string
  prefix: string
  hash: Secret<Buffer>
  former_hash: Secret<Buffer | null>
  former_expires_at: OptionalInstant
  scopes: string[]
  ip_allow_list: string[] | null
  expires_at: OptionalInstant
  last_used_at: OptionalInstant
  last_used_ip: ColumnType<string | null, never, never>
  deleted_at: OptionalInstant
  created_at: Made
}

export interface ConfirmationPoliciesTable {
  id: string
  partner_id: string
  organization_id: string | null
  area: string | null
  tier: number | null
  tool: string | null
  policy: ConfirmationPolicy
  created_at: Made
}

export interface EmergencyStopsTable {
  id: string
  partner_id: string
  organization_id: string | null
  credential_id: string | null
  reason: string
  stopped_by: string
  stopped_at: ColumnType<Date, Date | undefined, never>
  lifted_by: string | null
  lifted_at: OptionalInstant
}

export type SignInMethod = 'password' | 'totp' | 'recovery' | 'passkey' | 'provider'

export interface SessionsTable {
  id: string
  partner_id: string
  organization_id: string | null
  user_id: string
  hash: Secret<Buffer>
  stage: 'second_factor' | 'open'
  methods: SignInMethod[]
  created_at: ColumnType<Date, Date, never>
  last_used_at: ColumnType<Date, Date, Date>
  previous_session_at: OptionalInstant
  proven_at: ColumnType<Date, Date, Date>
  expires_at: ColumnType<Date, Date, Date>
  ip: string | null
  user_agent: string | null
  revoked_at: OptionalInstant
}

export interface InvitationsTable {
  id: string
  partner_id: string
  organization_id: string | null
  email: string
  name: string | null
  roles: ColumnType<unknown, string, never>
  roles_text: string
  hash: Secret<Buffer>
  invited_by: string
  created_at: ColumnType<Date, Date, never>
  expires_at: ColumnType<Date, Date, never>
  accepted_at: OptionalInstant
  revoked_at: OptionalInstant
}

export interface PasswordResetsTable {
  id: string
  partner_id: string
  organization_id: string | null
  user_id: string
  created_by: string | null
  clears_factors: boolean
  hash: Secret<Buffer>
  created_at: ColumnType<Date, Date, never>
  expires_at: ColumnType<Date, Date, never>
  used_at: OptionalInstant
}

declare module '../kernel/schema.ts' {
  interface Database {
    users: UsersTable
    roles: RolesTable
    role_assignments: RoleAssignmentsTable
    api_keys: ApiKeysTable
    sessions: SessionsTable
    invitations: InvitationsTable
    password_resets: PasswordResetsTable
    confirmation_policies: ConfirmationPoliciesTable
    emergency_stops: EmergencyStopsTable
  }
}
