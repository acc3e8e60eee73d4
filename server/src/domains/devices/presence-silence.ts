/** The finer words for a long silence: a device that is offline is stale after a week and missing after a month. */
import type { Db } from '../../kernel/db.ts'

const STALE_MS = 7 * 86_400_000
const MISSING_MS = 30 * 86_400_000
const STEP = 5000

// Replaced by one another, and taken away by the next turn. A row that was locked is judged again as it is then.
const SILENT = `
  with due as (
    select d.id, s.name from device_presence p join devices d on d.id = p.device_id
      cross join lateral (select case when p.last_seen_at < $2 then 'missing' else 'stale' end) as s (name)
    where p.last_seen_at < $1 and d.removed_at is null and d.status <> 'online' and not s.name = any (d.conditions)
    order by d.id limit ${STEP} for no key update of d)
  update devices d set conditions = array(select c from unnest(d.conditions) c where c <> all ('{stale,missing}')) || due.name
  from due where d.id = due.id
  returning d.id`

/** Marks whom it is time to mark, some thousand at once; yields which. */
export async function* markSilent(db: Db, now: Date): AsyncGenerator<string[]> {
  const before = [STALE_MS, MISSING_MS].map((age) => new Date(now.getTime() - age))
  for (;;) {
    const rows = await db.worker((tx) => tx.prepared<{ id: string }>('presence_silent', SILENT, before))
    if (rows.length === 0) return
    yield rows.map((row) => row.id)
  }
}
