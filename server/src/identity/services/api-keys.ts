/** API keys: found, listed, made, changed. Their secrets are never read back, only replaced. */
import { sql } from 'kysely'
import type { Permission } from '@breeze/contract/governance'
import { isUuid } from '../../kernel/uuid.ts'
import { organizationsWith, organizationTarget } from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { ambiguous, notFound } from '../../kernel/errors.ts'
import type { Target } from '../../kernel/tool.ts'
import { countRows } from '../../kernel/totals.ts'
import { permissionsIn } from './roles.ts'
import type { MadeKey } from './credentials.ts'
import '../tables.ts'

export const KEY_STATES = ['active', 'expired', 'deleted'] as const
export type KeyState = (typeof KEY_STATES)[number]

export interface KeyFacts {
  id: string
  name: string
  prefix: string
  organizationId: string | null
  organizationIds: string[] | null
  user: { id: string; name: string | null; ownerId: string | null }
  scopes: string[]
  ipAllowList: string[] | null
  expiresAt: Date | null
  formerExpiresAt: Date | null
  lastUsedAt: Date | null
  lastUsedIp: string | null
  state: KeyState
  createdAt: Date
}

const NONE = '00000000-0000-0000-0000-000000000000'

/** The key, and the organizations it reaches, so that the audit of each names the act. */
export function keyTargets(
  caller: Caller,
  key: Pick<KeyFacts, 'id' | 'name' | 'organizationId' | 'organizationIds'>,
): Target[] {
  const target = { kind: 'api_key' as const, id: key.id, name: key.name, siteId: null }
  const reached = (key.organizationIds ?? []).flatMap((id) => caller.organizations.get(id) ?? [])
  if (key.organizationId !== null) return [{ ...target, organizationId: key.organizationId }]
  return [{ ...target, organizationId: null }, ...reached.map(organizationTarget)]
}

/** Administers other people's keys: in one organization, or (null) those that belong to the partner. */
export function oversees(caller: Caller, organizationId: string | null): boolean {
  if (caller.partner?.permissions.has('users.write')) return true
  return organizationId !== null && permissionsIn(caller, organizationId).has('users.write')
}

export const isOwn = (caller: Caller, key: KeyFacts): boolean =>
  key.user.id === caller.user.id || key.user.ownerId === caller.user.id

const stateAt = (now: Date) =>
  sql<KeyState>`case when k.deleted_at is not null then 'deleted' when k.expires_at <= ${now} then 'expired' else 'active' end`

/** Keys of the caller and their services, and those of organizations that they administer. */
function visibleKeys(caller: Caller, permission: Permission, now: Date) {
  const reach = organizationsWith(caller, permission)
  const overseen = reach.filter((id) => oversees(caller, id))
  return (
    query
      .selectFrom('api_keys as k')
      .leftJoin('users as u', 'u.id', 'k.user_id')
      .where('k.partner_id', '=', caller.partnerId)
      .where((e) =>
        e.or([
          e('k.user_id', '=', caller.user.id),
          e('u.owner_id', '=', caller.user.id),
          e('k.organization_id', 'in', overseen.length > 0 ? overseen : [NONE]),
          ...(oversees(caller, null) ? [e('k.organization_id', 'is', null)] : []),
        ]),
      )
      .select(['k.id', 'k.name', 'k.prefix', 'k.organization_id', 'k.organization_ids', 'k.user_id', 'k.scopes'])
      .select([
        'k.ip_allow_list',
        'k.expires_at',
        'k.former_expires_at',
        'k.last_used_at',
        'k.last_used_ip',
        'k.created_at',
      ])
      .select(['u.name as user_name', 'u.owner_id', stateAt(now).as('state')])
      // To the microsecond, as text: a cursor made of milliseconds would skip or repeat keys.
      .select(sql<string>`to_char(k.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('made'))
  )
}

type Row = Awaited<ReturnType<typeof selectKeys>>[number]
const selectKeys = (tx: Tx, select: ReturnType<typeof visibleKeys>) => tx.all(select)

const keyFacts = (row: Row): KeyFacts => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  organizationId: row.organization_id,
  organizationIds: row.organization_ids,
  user: { id: row.user_id, name: row.user_name, ownerId: row.owner_id },
  scopes: row.scopes,
  ipAllowList: row.ip_allow_list,
  expiresAt: row.expires_at,
  formerExpiresAt: row.former_expires_at,
  lastUsedAt: row.last_used_at,
  lastUsedIp: row.last_used_ip,
  state: row.state,
  createdAt: row.created_at,
})

/** By id or name; deleted keys are gone for everybody. */
export async function findKey(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  reference: string,
  now: Date,
): Promise<KeyFacts> {
  const rows = await selectKeys(
    tx,
    visibleKeys(caller, permission, now)
      .where('k.deleted_at', 'is', null)
      .where((e) =>
        isUuid(reference)
          ? e('k.id', '=', reference.toLowerCase())
          : e(e.fn('lower', ['k.name']), '=', e.fn('lower', [e.val(reference)])),
      )
      .orderBy('k.id')
      .limit(21),
  )
  const [row] = rows
  if (!row) throw notFound('API key', reference)
  if (rows.length > 1) {
    const candidates = rows.map((key) => ({
      id: key.id,
      name: key.name,
      detail: `${key.prefix}… of ${key.user_name ?? 'another user'}`,
    }))
    throw ambiguous('API key', reference, candidates)
  }
  return keyFacts(row)
}

/** Those of them that the caller may see. */
export async function keysAmong(tx: Tx, caller: Caller, ids: readonly string[], now: Date): Promise<KeyFacts[]> {
  const known = ids.filter(isUuid)
  if (known.length === 0) return []
  return (await selectKeys(tx, visibleKeys(caller, 'keys.read', now).where('k.id', 'in', known))).map(keyFacts)
}

export interface KeyFilter {
  organizationId?: string | undefined
  userId?: string | undefined
  states: readonly KeyState[]
}

/** Newest first. */
export async function listKeys(
  tx: Tx,
  caller: Caller,
  filter: KeyFilter,
  now: Date,
  limit: number,
  after: [made: string, id: string] | undefined,
) {
  let base = visibleKeys(caller, 'keys.read', now).where(stateAt(now), 'in', [...filter.states])
  const { organizationId, userId } = filter
  if (userId !== undefined) base = base.where('k.user_id', '=', userId)
  if (organizationId !== undefined) {
    base = base.where((e) =>
      e.or([
        e('k.organization_id', '=', organizationId),
        sql<boolean>`${organizationId}::uuid = any (k.organization_ids)`,
      ]),
    )
  }
  let page = base
    .orderBy('k.created_at', 'desc')
    .orderBy('k.id', 'desc')
    .limit(limit + 1)
  if (after) page = page.where(sql<boolean>`(k.created_at, k.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`)
  const rows = await selectKeys(tx, page)
  const counted = await countRows(tx, base.clearSelect().select('k.id'))
  const last = rows[limit - 1]
  const next: [string, string] | null = rows.length > limit && last ? [last.made, last.id] : null
  return { rows: rows.slice(0, limit).map(keyFacts), counted: counted, next }
}

export interface NewKey {
  id: string
  partnerId: string
  organizationIds: string[] | null
  userId: string
  createdBy: string
  name: string
  scopes: string[]
  ipAllowList: string[] | null
  expiresAt: Date | null
}

export async function insertKey(tx: Tx, key: NewKey, made: MadeKey): Promise<void> {
  const [only, another] = key.organizationIds ?? []
  await tx.run(
    query.insertInto('api_keys').values({
      id: key.id,
      partner_id: key.partnerId,
      organization_id: only !== undefined && another === undefined ? only : null,
      organization_ids: key.organizationIds,
      user_id: key.userId,
      created_by: key.createdBy,
      name: key.name,
      prefix: made.prefix,
      hash: made.hash,
      scopes: key.scopes,
      ip_allow_list: networks(key.ipAllowList),
      expires_at: key.expiresAt,
    }),
  )
}

export interface KeyChange {
  name?: string
  scopes?: string[]
  expiresAt?: Date | null
  ipAllowList?: string[] | null
}

export async function changeKey(tx: Tx, id: string, change: KeyChange): Promise<void> {
  const set = {
    ...(change.name !== undefined && { name: change.name }),
    ...(change.scopes !== undefined && { scopes: change.scopes }),
    ...(change.expiresAt !== undefined && { expires_at: change.expiresAt }),
    ...(change.ipAllowList !== undefined && { ip_allow_list: networks(change.ipAllowList) }),
  }
  if (Object.keys(set).length > 0) await tx.run(query.updateTable('api_keys').set(set).where('id', '=', id))
}

/** The database moves the former hash aside by itself; without an overlap there is none. */
export async function rotateKey(tx: Tx, id: string, made: MadeKey, formerExpiresAt: Date | null): Promise<void> {
  await tx.run(
    query
      .updateTable('api_keys')
      .set({ hash: made.hash, prefix: made.prefix, former_expires_at: formerExpiresAt })
      .where('id', '=', id),
  )
}

export async function deleteKey(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.run(query.updateTable('api_keys').set({ deleted_at: now }).where('id', '=', id))
}

/** `10.0.0.7/24` means its network: the column takes no host bits. */
function networks(ranges: string[] | null) {
  if (ranges === null) return null
  return sql<string[]>`(select array_agg(network(r::inet)::cidr) from unnest(${ranges}::text[]) r)`
}
