/**
 * Letting go of what commands were told and what they wrote long ago. The rows stay: who ran what, when, and how it ended. Those of checks that come
 * again and again go: the audit tells of each round.
 */
import type { Db } from '../../kernel/db.ts'

const DAY_MS = 86_400_000
/** Bounds the time that rows are locked; each may hold more than a megabyte. */
const STEP = 200

// `truncated`: its output is not whole any more, and `output_bytes` still tells how much there was. A payload that nobody can
// read any more needs no signature.
const FORGET = `
  with old as (
    select id from device_commands
    where finished_at < $1 and finished_at is not null and (output is not null or data is not null or payload <> '')
    order by finished_at limit ${STEP} for update skip locked)
  update device_commands c set output = null, data = null, payload = '', signature = '',
    truncated = c.truncated or c.output is not null
  from old where c.id = old.id`

/** Answers how many commands were relieved. */
export async function forgetContent(db: Db, now: Date, days: number): Promise<number> {
  const before = new Date(now.getTime() - days * DAY_MS)
  for (let total = 0; ;) {
    const n = await db.workerStatement('forget_content', FORGET, [before])
    total += n
    if (n < STEP) return total
  }
}

const FORGET_PASSING = `
  with old as (
    select id from device_commands where passing and finished_at < $1 and finished_at is not null
    order by finished_at limit ${STEP} for update skip locked)
  delete from device_commands c using old where c.id = old.id`

/** Answers how many commands of checks were deleted: those that ended more than a day ago. */
export async function forgetPassing(db: Db, now: Date): Promise<number> {
  const before = new Date(now.getTime() - DAY_MS)
  for (let total = 0; ;) {
    const n = await db.workerStatement('forget_passing', FORGET_PASSING, [before])
    total += n
    if (n < STEP) return total
  }
}
