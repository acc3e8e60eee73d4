/** Sessions of people at the console, as those who administer them see them. */
import { sql } from 'kysely'
import { isUuid } from '../../kernel/uuid.ts'
import { organizationsWith } from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import { countRows } from '../../kernel/totals.ts'
import '../tables.ts'

const NONE = '00000000-0000-0000-0000-000000000000'
/** As `auth_session` has it. */
const IDLE_MS = 12 * 3_600_000

/** Those that open something now, of people whom the permission shows. */
function openSessions(caller: Caller, permission: 'users.read' | 'users.write', now: Date) {
  const reach = organizationsWith(caller, permission)
  return query
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .where('sessions.partner_id', '=', caller.partnerId)
    .where((e) =>
      e.or([
        e('sessions.organization_id', 'in', reach.length > 0 ? reach : [NONE]),
        ...(caller.partner?.permissions.has(permission) ? [e('sessions.organization_id', 'is', null)] : []),
      ]),
    )
    .where('sessions.stage', '=', 'open')
    .where('sessions.revoked_at', 'is', null)
    .where('sessions.expires_at', '>', now)
    .where('sessions.last_used_at', '>', new Date(now.getTime() - IDLE_MS))
}

export async function listSessions(
  tx: Tx,
  caller: Caller,
  filter: { userId?: string | undefined; organizationId?: string | undefined },
  page: { now: Date; limit: number; after: [string, string] | undefined },
) {
  let base = openSessions(caller, 'users.read', page.now)
  if (filter.userId !== undefined) base = base.where('sessions.user_id', '=', filter.userId)
  if (filter.organizationId !== undefined) base = base.where('sessions.organization_id', '=', filter.organizationId)
  let select = base
    .select(['sessions.id', 'sessions.methods', 'sessions.ip', 'sessions.user_agent'])
    .select(['sessions.created_at', 'sessions.last_used_at', 'users.id as user_id', 'users.name as user_name'])
    .orderBy('sessions.created_at', 'desc')
    .orderBy('sessions.id', 'desc')
    .limit(page.limit + 1)
  if (page.after) {
    const [at, id] = page.after
    select = select.where(sql<boolean>`(sessions.created_at, sessions.id) < (${at}::timestamptz, ${id}::uuid)`)
  }
  const rows = await tx.all(select)
  const counted = await countRows(tx, base.select('sessions.id'))
  const shown = rows.slice(0, page.limit)
  const last = rows.length > page.limit ? shown.at(-1) : undefined
  const next: [string, string] | null = last ? [last.created_at.toISOString(), last.id] : null
  return { rows: shown, counted: counted, next }
}

/** Whose session this is. */
export async function userOfSession(tx: Tx, caller: Caller, id: string, now: Date): Promise<string> {
  const row = isUuid(id)
    ? await tx.first(
        openSessions(caller, 'users.write', now).select('users.id').where('sessions.id', '=', id.toLowerCase()),
      )
    : undefined
  if (!row) throw notFound('session', id)
  return row.id
}

/** Ends a person's sessions, or one of them. Answers their ids, for the streams that are open. */
export async function endSessions(
  tx: Tx,
  userId: string,
  now: Date,
  which: { only?: string; except?: string } = {},
): Promise<string[]> {
  let update = query
    .updateTable('sessions')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .returning('id')
  if (which.only !== undefined) update = update.where('id', '=', which.only)
  if (which.except !== undefined) update = update.where('id', '<>', which.except)
  return (await tx.all(update)).map((row) => row.id)
}

export async function sessionsOf(tx: Tx, userId: string): Promise<string[]> {
  const rows = await tx.all(
    query.selectFrom('sessions').select('id').where('user_id', '=', userId).where('revoked_at', 'is', null),
  )
  return rows.map((row) => row.id)
}
