/** Grants as tools see them: one's own, and those of the organizations that one administers. */
import { sql } from 'kysely'
import type { Permission } from '@breeze/contract/governance'
import { isUuid } from '../kernel/uuid.ts'
import { organizationsWith, organizationTarget } from '../domains/organizations/service.ts'
import { oversees } from '../identity/services/api-keys.ts'
import type { Caller } from '../kernel/caller.ts'
import { query, type Tx } from '../kernel/db.ts'
import { notFound } from '../kernel/errors.ts'
import type { Target } from '../kernel/tool.ts'
import { countRows } from '../kernel/totals.ts'
import '../identity/tables.ts'
import type { RevokedBecause } from './tables.ts'

export const GRANT_STATES = ['active', 'expired', 'revoked'] as const
export type GrantState = (typeof GRANT_STATES)[number]

export interface GrantFilter {
  organizationId?: string | undefined
  userId?: string | undefined
  /** Id or name of the program. */
  client?: string | undefined
  states: readonly GrantState[]
}

const NONE = '00000000-0000-0000-0000-000000000000'

const stateAt = (now: Date) =>
  sql<GrantState>`case when g.revoked_at is not null then 'revoked' when g.expires_at <= ${now} then 'expired' else 'active' end`

function visibleGrants(caller: Caller, permission: Permission) {
  const overseen = organizationsWith(caller, permission).filter((id) => oversees(caller, id))
  return query
    .selectFrom('oauth_grants as g')
    .leftJoin('users as u', 'u.id', 'g.user_id')
    .where('g.partner_id', '=', caller.partnerId)
    .where((e) =>
      e.or([
        e('g.user_id', '=', caller.user.id),
        e('g.organization_id', 'in', overseen.length > 0 ? overseen : [NONE]),
        ...(oversees(caller, null) ? [e('g.organization_id', 'is', null)] : []),
      ]),
    )
}

function matching(caller: Caller, permission: Permission, filter: GrantFilter, now: Date) {
  let grants = visibleGrants(caller, permission).where(stateAt(now), 'in', [...filter.states])
  const { organizationId, userId, client } = filter
  if (userId !== undefined) grants = grants.where('g.user_id', '=', userId)
  if (client !== undefined) grants = grants.where((e) => isClient(e, client))
  if (organizationId === undefined) return grants
  return grants.where((e) =>
    e.or([
      e('g.organization_id', '=', organizationId),
      sql<boolean>`${organizationId}::uuid = any (g.organization_ids)`,
    ]),
  )
}

const isClient = (
  e: Parameters<Extract<Parameters<ReturnType<typeof visibleGrants>['where']>[0], (...args: never[]) => unknown>>[0],
  reference: string,
) =>
  e.or([e('g.client_id', '=', reference), e(e.fn('lower', ['g.client_name']), '=', e.fn('lower', [e.val(reference)]))])

const rowsOf = (tx: Tx, grants: ReturnType<typeof matching>, now: Date) =>
  tx.all(
    grants
      .select([
        'g.id',
        'g.user_id',
        'u.name as user_name',
        'u.email as user_email',
        'g.organization_id',
        'g.organization_ids',
        'g.client_id',
        'g.client_name',
        'g.client_host',
        'g.first_party',
        'g.redirect_host',
        'g.scopes',
        'g.created_at',
        'g.last_authorized_at',
        'g.last_used_at',
        'g.expires_at',
        'g.revoked_at',
        'g.revoked_reason',
      ])
      .select(stateAt(now).as('state'))
      .select(
        sql<number>`case when ${stateAt(now)} = 'active' then oauth_grant_sessions(g.id) else 0 end`.as('sessions'),
      )
      // To the microsecond, as text: a cursor made of milliseconds would skip or repeat some.
      .select(sql<string>`to_char(g.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('made')),
  )

export type GrantRow = Awaited<ReturnType<typeof rowsOf>>[number]

export async function listGrants(
  tx: Tx,
  caller: Caller,
  filter: GrantFilter,
  now: Date,
  limit: number,
  after: [string, string] | undefined,
) {
  const all = matching(caller, 'keys.read', filter, now)
  let page = all
    .orderBy('g.created_at', 'desc')
    .orderBy('g.id', 'desc')
    .limit(limit + 1)
  if (after) page = page.where(sql<boolean>`(g.created_at, g.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`)
  const rows = await rowsOf(tx, page, now)
  const counted = await countRows(tx, all.select('g.id'))
  const last = rows[limit - 1]
  const next: [string, string] | null = rows.length > limit && last ? [last.made, last.id] : null
  return { rows: rows.slice(0, limit), counted: counted, next }
}

/** Those of them that the caller may see. */
export async function grantsAmong(tx: Tx, caller: Caller, ids: readonly string[]) {
  const known = ids.filter(isUuid)
  if (known.length === 0) return []
  return tx.all(
    visibleGrants(caller, 'keys.read')
      .where('g.id', 'in', known)
      .select(['g.id', 'g.client_name', 'g.user_id', 'u.name as user_name']),
  )
}

/** Most grants that one call ends. */
export const MOST_AT_ONCE = 500

export type Ending = { grant: string } | { client: string } | { userId: string }

/** Those that are alive. Throws when there is none. */
export async function endableGrants(tx: Tx, caller: Caller, ending: Ending, now: Date): Promise<GrantRow[]> {
  const filter: GrantFilter = {
    states: ['active'],
    ...('client' in ending && { client: ending.client }),
    ...('userId' in ending && { userId: ending.userId }),
  }
  let grants = matching(caller, 'keys.write', filter, now).orderBy('g.id').limit(MOST_AT_ONCE)
  if ('grant' in ending) {
    if (!isUuid(ending.grant)) throw notFound('grant', ending.grant)
    grants = grants.where('g.id', '=', ending.grant.toLowerCase())
  }
  const rows = await rowsOf(tx, grants, now)
  if (rows.length > 0) return rows
  if ('grant' in ending) throw notFound('grant', ending.grant)
  throw notFound('grant', 'client' in ending ? ending.client : ending.userId)
}

export async function endGrants(
  tx: Tx,
  ids: readonly string[],
  because: RevokedBecause,
  by: string,
  now: Date,
): Promise<string[]> {
  const rows = await tx.all(
    query
      .updateTable('oauth_grants')
      .set({ revoked_at: now, revoked_reason: because, revoked_by: by })
      .where('id', 'in', ids.length > 0 ? [...ids] : [NONE])
      .where('revoked_at', 'is', null)
      .returning('id'),
  )
  return rows.map((row) => row.id)
}

/** The grant, and the organizations it reaches, so that the audit of each names the act. */
export function grantTargets(caller: Caller, grants: readonly GrantRow[]): Target[] {
  const reached = new Set(
    grants.flatMap((grant) => (grant.organization_id === null ? (grant.organization_ids ?? []) : [])),
  )
  return [
    ...grants.map((grant) => ({
      kind: 'oauth_grant' as const,
      id: grant.id,
      name: `${grant.client_name} of ${grant.user_name ?? 'another user'}`,
      organizationId: grant.organization_id,
      siteId: null,
    })),
    ...[...reached].flatMap((id) => {
      const organization = caller.organizations.get(id)
      return organization ? [organizationTarget(organization)] : []
    }),
  ]
}
