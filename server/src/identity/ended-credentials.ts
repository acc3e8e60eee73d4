/**
 * What another node ended. Each request asks the database anyway; only streams and calls that are open go on by themselves. So
 * each node asks for those that it holds, all in one statement, and not at all while it holds none.
 */
import type { Db } from '../kernel/db.ts'

export const ENDED_CHECK_MS = 400

export async function endedCredentials(db: Db, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await db.oauth<{ id: string }>(
    'credentials_ended',
    `select i.id from unnest($1::uuid[]) as i (id)
     where not exists (select from users u where u.id = i.id and u.disabled_at is null)
       and not exists (select from api_keys k join users u on u.id = k.user_id left join users w on w.id = u.owner_id
         where k.id = i.id and k.deleted_at is null and u.disabled_at is null and w.disabled_at is null)
       and not exists (select from sessions s join users u on u.id = s.user_id
         where s.id = i.id and s.revoked_at is null and u.disabled_at is null)
       and not exists (select from oauth_grants g join users u on u.id = g.user_id left join oauth_clients c on c.id = g.client_id
         where g.id = i.id and g.revoked_at is null and u.disabled_at is null and c.blocked_at is null)`,
    [ids],
  )
  return rows.map((row) => row.id)
}
