/** Rows that open nothing any more. A grant's own row stays: the list shows what there was. */
import type { Db } from '../kernel/db.ts'

const MOST_AT_ONCE = 5000

export async function sweepExpired(db: Db, now: Date): Promise<void> {
  for (const [table, key] of [
    ['oauth_store', 'model, id_hash'],
    ['oauth_replay', 'token_hash'],
  ]) {
    await db.oauth(
      `${table}_sweep`,
      `delete from ${table} where (${key}) in (select ${key} from ${table} where expires_at < $1 limit ${MOST_AT_ONCE})`,
      [now],
    )
  }
}
