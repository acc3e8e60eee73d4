/** Invitations as tools see them: made, listed and withdrawn within the caller's reach. */
import { sql } from 'kysely'
import { isUuid } from '../../kernel/uuid.ts'
import { organizationsWith } from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict, notFound } from '../../kernel/errors.ts'
import { countRows } from '../../kernel/totals.ts'
import type { Assignment } from './roles.ts'
import '../tables.ts'

export const INVITATION_STATES = ['pending', 'accepted', 'expired', 'revoked'] as const
export type InvitationState = (typeof INVITATION_STATES)[number]

/** How an invitation keeps the roles it will give. */
export interface InvitedRole {
  role: string
  organization: string | null
  sites: string[] | null
}

export interface NewInvitation {
  id: string
  organizationId: string | null
  email: string
  name: string | null
  assignments: readonly Assignment[]
  rolesText: string
  hash: Buffer
  now: Date
  expiresAt: Date
}

export interface InvitationFacts {
  id: string
  email: string
  name: string | null
  organizationId: string | null
  roles: string
  state: InvitationState
  createdAt: Date
  expiresAt: Date
}

const NONE = '00000000-0000-0000-0000-000000000000'

/** A later invitation takes the place of an earlier one to the same address. */
export async function insertInvitation(tx: Tx, caller: Caller, made: NewInvitation): Promise<void> {
  const taken = await tx.first(
    query
      .selectFrom('users')
      .select('id')
      .where(sql<boolean>`lower(email) = lower(${made.email})`),
  )
  if (taken) throw conflict('Somebody with this e-mail address is a user already.', 'Give them roles with update_user.')
  await tx.run(
    query
      .updateTable('invitations')
      .set({ revoked_at: made.now })
      .where(sql<boolean>`lower(email) = lower(${made.email})`)
      .where('accepted_at', 'is', null)
      .where('revoked_at', 'is', null),
  )
  const roles: InvitedRole[] = made.assignments.map(({ role, organizationId, siteIds }) => ({
    role: role.id,
    organization: organizationId,
    sites: siteIds,
  }))
  await tx.run(
    query.insertInto('invitations').values({
      id: made.id,
      partner_id: caller.partnerId,
      organization_id: made.organizationId,
      email: made.email,
      name: made.name,
      roles: JSON.stringify(roles),
      roles_text: made.rolesText,
      hash: made.hash,
      invited_by: caller.user.id,
      created_at: made.now,
      expires_at: made.expiresAt,
    }),
  )
}

function visible(caller: Caller, permission: 'users.read' | 'users.write') {
  const reach = organizationsWith(caller, permission)
  return query
    .selectFrom('invitations')
    .where('partner_id', '=', caller.partnerId)
    .where((e) =>
      e.or([
        e('organization_id', 'in', reach.length > 0 ? reach : [NONE]),
        ...(caller.partner?.permissions.has(permission) ? [e('organization_id', 'is', null)] : []),
      ]),
    )
}

const COLUMNS = [
  'id',
  'email',
  'name',
  'organization_id',
  'roles_text',
  'created_at',
  'expires_at',
  'accepted_at',
  'revoked_at',
] as const

interface Row {
  id: string
  email: string
  name: string | null
  organization_id: string | null
  roles_text: string
  created_at: Date
  expires_at: Date
  accepted_at: Date | null
  revoked_at: Date | null
}

const factsOf = (row: Row, now: Date): InvitationFacts => ({
  id: row.id,
  email: row.email,
  name: row.name,
  organizationId: row.organization_id,
  roles: row.roles_text,
  state: stateOf(row, now),
  createdAt: row.created_at,
  expiresAt: row.expires_at,
})

function stateOf(row: Row, now: Date): InvitationState {
  if (row.accepted_at) return 'accepted'
  if (row.revoked_at) return 'revoked'
  return row.expires_at <= now ? 'expired' : 'pending'
}

/** By id, or by the address of one that is pending. */
export async function findInvitation(tx: Tx, caller: Caller, reference: string, now: Date): Promise<InvitationFacts> {
  const base = visible(caller, 'users.write').select(COLUMNS)
  const row = await tx.first(
    isUuid(reference)
      ? base.where('id', '=', reference.toLowerCase())
      : base
          .where(sql<boolean>`lower(email) = lower(${reference})`)
          .where('accepted_at', 'is', null)
          .where('revoked_at', 'is', null)
          .orderBy('created_at', 'desc')
          .limit(1),
  )
  if (!row) throw notFound('invitation', reference)
  return factsOf(row, now)
}

export async function revokeInvitation(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.run(
    query
      .updateTable('invitations')
      .set({ revoked_at: now })
      .where('id', '=', id)
      .where('accepted_at', 'is', null)
      .where('revoked_at', 'is', null),
  )
}

export async function listInvitations(
  tx: Tx,
  caller: Caller,
  filter: { organizationId?: string | undefined; states: readonly InvitationState[] },
  page: { now: Date; limit: number; after: [string, string] | undefined },
) {
  const state = sql<InvitationState>`case when accepted_at is not null then 'accepted' when revoked_at is not null then 'revoked'
    when expires_at <= ${page.now} then 'expired' else 'pending' end`
  let base = visible(caller, 'users.read').where(state, 'in', [...filter.states])
  if (filter.organizationId !== undefined) base = base.where('organization_id', '=', filter.organizationId)
  let select = base
    .select(COLUMNS)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
  if (page.after) {
    const [at, id] = page.after
    select = select.where(sql<boolean>`(created_at, id) < (${at}::timestamptz, ${id}::uuid)`)
  }
  const rows = await tx.all(select)
  const counted = await countRows(tx, base.select('id'))
  const shown = rows.slice(0, page.limit)
  const last = rows.length > page.limit ? shown.at(-1) : undefined
  const next: [string, string] | null = last ? [last.created_at.toISOString(), last.id] : null
  return { rows: shown.map((row) => factsOf(row, page.now)), counted: counted, next }
}
