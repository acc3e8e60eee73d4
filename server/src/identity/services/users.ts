/** Users, people and services, and the roles they hold. */
import type { Permission } from '@breeze/contract/governance'
import { isUuid } from '../../kernel/uuid.ts'
import { listNamed, type NamePage } from '../../kernel/named-rows.ts'
import { contains } from '../../kernel/conditions.ts'
import { organizationsWith } from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { ambiguous, conflict, notFound } from '../../kernel/errors.ts'
import type { Target } from '../../kernel/tool.ts'
import type { Assignment } from './roles.ts'
import '../tables.ts'

export interface UserFacts {
  id: string
  name: string
  email: string | null
  kind: 'person' | 'service'
  organizationId: string | null
  ownerId: string | null
  disabled: boolean
}

export interface NewUser {
  id: string
  kind: 'person' | 'service'
  email: string | null
  name: string
  organizationId: string | null
  ownerId: string | null
}

const NONE = '00000000-0000-0000-0000-000000000000'

export const userTarget = (user: Pick<UserFacts, 'id' | 'name' | 'organizationId'>): Target => ({
  kind: 'user',
  id: user.id,
  name: user.name,
  organizationId: user.organizationId,
  siteId: null,
})

/** Users that a permission shows: those of organizations in reach, and the partner's own where it holds there. */
function visibleUsers(caller: Caller, permission: Permission) {
  const reach = organizationsWith(caller, permission)
  return query
    .selectFrom('users')
    .where('users.partner_id', '=', caller.partnerId)
    .where((e) =>
      e.or([
        e('users.organization_id', 'in', reach.length > 0 ? reach : [NONE]),
        ...(caller.partner?.permissions.has(permission) ? [e('users.organization_id', 'is', null)] : []),
      ]),
    )
}

/** Of those that the transaction sees: who did something, beside what they did. */
export async function userNames(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.all(
    query
      .selectFrom('users')
      .select(['id', 'name'])
      .where('id', 'in', [...new Set(ids)]),
  )
  return new Map(rows.map(({ id, name }) => [id, name]))
}

/** By id, e-mail address or name. */
export async function findUser(tx: Tx, caller: Caller, permission: Permission, reference: string): Promise<UserFacts> {
  const wanted = reference.toLowerCase()
  const rows = await tx.all(
    visibleUsers(caller, permission)
      .select(['id', 'name', 'email', 'kind', 'organization_id', 'owner_id', 'disabled_at'])
      .where((e) =>
        isUuid(reference)
          ? e('id', '=', wanted)
          : e.or([
              e(e.fn('lower', ['email']), '=', e.fn('lower', [e.val(reference)])),
              e(e.fn('lower', ['name']), '=', e.fn('lower', [e.val(reference)])),
            ]),
      )
      .orderBy('id')
      .limit(21),
  )
  // An address is unique; a name that happens to be somebody's address means that person.
  const row = rows.find((user) => user.email?.toLowerCase() === wanted) ?? rows[0]
  if (!row) throw notFound('user', reference)
  if (rows.length > 1 && row.email?.toLowerCase() !== wanted) {
    const candidates = rows.map((user) => ({ id: user.id, name: user.name, detail: user.email ?? user.kind }))
    throw ambiguous('user', reference, candidates)
  }
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    kind: row.kind,
    organizationId: row.organization_id,
    ownerId: row.owner_id,
    disabled: row.disabled_at !== null,
  }
}

export async function insertUser(tx: Tx, partnerId: string, user: NewUser): Promise<void> {
  const inserted = await tx.run(
    query
      .insertInto('users')
      .values({
        id: user.id,
        partner_id: partnerId,
        organization_id: user.organizationId,
        kind: user.kind,
        owner_id: user.ownerId,
        email: user.email,
        name: user.name,
      })
      .onConflict((clash) => clash.doNothing()),
  )
  if (inserted === 0) throw conflict('This e-mail address is taken.', 'Use another address.')
}

export async function replaceAssignments(
  tx: Tx,
  user: { id: string; partnerId: string },
  assignments: readonly Assignment[],
  newId: () => string,
): Promise<void> {
  await tx.run(query.deleteFrom('role_assignments').where('user_id', '=', user.id))
  const rows = assignments.map((assignment) => ({
    id: newId(),
    partner_id: user.partnerId,
    user_id: user.id,
    role_id: assignment.role.id,
    organization_id: assignment.organizationId,
    site_ids: assignment.siteIds,
  }))
  if (rows.length > 0) await tx.run(query.insertInto('role_assignments').values(rows))
}

export interface HeldRole extends Assignment {
  userId: string
}

/** The roles these users hold, as far as the transaction sees them. */
export async function assignmentsOf(tx: Tx, userIds: readonly string[]): Promise<HeldRole[]> {
  if (userIds.length === 0) return []
  const rows = await tx.all(
    query
      .selectFrom('role_assignments as a')
      .innerJoin('roles as r', 'r.id', 'a.role_id')
      .select(['a.user_id', 'a.organization_id', 'a.site_ids', 'r.id', 'r.name', 'r.level', 'r.admin', 'r.permissions'])
      .where('a.user_id', 'in', [...userIds])
      .orderBy('a.id'),
  )
  return rows.map((row) => ({
    userId: row.user_id,
    organizationId: row.organization_id,
    siteIds: row.site_ids,
    role: { id: row.id, name: row.name, level: row.level, admin: row.admin, permissions: row.permissions },
  }))
}

export async function setDisabled(tx: Tx, id: string, at: Date | null): Promise<void> {
  await tx.run(query.updateTable('users').set({ disabled_at: at }).where('id', '=', id))
}

export async function setPassword(tx: Tx, id: string, passwordHash: string): Promise<void> {
  await tx.run(query.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id))
}

/** Keys that end or change with a user: their own and those of the services they own. */
export async function keysOfUser(tx: Tx, userId: string): Promise<string[]> {
  const rows = await tx.all(
    query
      .selectFrom('api_keys as k')
      .innerJoin('users as u', 'u.id', 'k.user_id')
      .select('k.id')
      .where('k.deleted_at', 'is', null)
      .where((e) => e.or([e('u.id', '=', userId), e('u.owner_id', '=', userId)])),
  )
  return rows.map((row) => row.id)
}

export interface UserFilter {
  organizationId?: string | undefined
  kind?: 'person' | 'service' | undefined
  disabled?: boolean | undefined
  text?: string | undefined
}

export async function listUsers(tx: Tx, caller: Caller, filter: UserFilter, page: Omit<NamePage, 'text'>) {
  let base = visibleUsers(caller, 'users.read')
  if (filter.kind) base = base.where('users.kind', '=', filter.kind)
  if (filter.disabled !== undefined) base = base.where('users.disabled_at', filter.disabled ? 'is not' : 'is', null)
  const { organizationId, text } = filter
  if (organizationId !== undefined) {
    base = base.where((e) =>
      e.exists(
        e
          .selectFrom('role_assignments as a')
          .select('a.id')
          .whereRef('a.user_id', '=', 'users.id')
          .where('a.organization_id', '=', organizationId),
      ),
    )
  }
  if (text !== undefined) {
    base = base.where((e) =>
      e.or([e('users.name', 'ilike', contains(text)), e('users.email', 'ilike', contains(text))]),
    )
  }
  const rows = base
    .leftJoin('users as owner', 'owner.id', 'users.owner_id')
    .select(['users.id', 'users.name', 'users.email', 'users.kind', 'users.disabled_at', 'users.created_at'])
    .select(['users.owner_id', 'owner.name as owner_name'])
  const list = await listNamed(tx, rows, page)
  const ids = list.rows.map((row) => row.id)
  return { ...list, roles: await assignmentsOf(tx, ids) }
}

/** Whose a service user is, whether or not the transaction sees that person; null for a person. */
export async function ownerOf(tx: Tx, userId: string): Promise<string | null> {
  const rows = await tx.prepared<{ owner: string | null }>('owner_of', 'select owner_of($1) as owner', [userId])
  return rows[0]?.owner ?? null
}
