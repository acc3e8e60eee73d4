/** Letting go of alerts that were over long ago, with their timeline. What is not resolved stays, however old. */
import type { Db } from '../../kernel/db.ts'

const DAY_MS = 86_400_000
/** Bounds the time that rows are locked. */
const STEP = 1000

const FORGET = `
  with old as (
    select id from alerts where status = 'resolved' and resolved_at < $1 order by resolved_at limit ${STEP} for update skip locked)
  delete from alerts a using old where a.id = old.id`

/** Answers how many alerts were deleted. */
export async function forgetAlerts(db: Db, now: Date, days: number): Promise<number> {
  const before = new Date(now.getTime() - days * DAY_MS)
  for (let total = 0; ;) {
    const n = await db.workerStatement('forget_alerts', FORGET, [before])
    total += n
    if (n < STEP) return total
  }
}
