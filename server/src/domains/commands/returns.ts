/** Whether devices come back from the reboots that they were sent. */
import type { Tx } from '../../kernel/db.ts'
import type { CommandResult } from './reads.ts'

export interface Boot {
  deviceId: string
  bootId: string
}

/** A later start has another reason. */
const BELONGS_WITHIN = '1 day'
/** After so long without a word, a reboot has gone wrong; it may still come back. */
const BACK_WITHIN_MINUTES = 15

// Sorted, as every writer of commands locks.
const RETURNED = `
  with heard as (select * from unnest($1::uuid[], $2::text[]) as h (device_id, boot_id)),
  locked as (
    select c.id from device_commands c join heard h using (device_id)
    where c.type = 'power.reboot' and c.state = 'succeeded' and c.returned_at is null and c.boot_before is not null
      and c.boot_before <> h.boot_id and c.result_at > $3::timestamptz - interval '${BELONGS_WITHIN}'
    order by c.id for no key update of c)
  update device_commands c set returned_at = $3 from locked where c.id = locked.id returning c.operation_id`

/** Answers the operations in which something changed. */
export async function recordReturns(tx: Tx, now: Date, boots: readonly Boot[]): Promise<Set<string>> {
  const latest = new Map(boots.map(({ deviceId, bootId }) => [deviceId, bootId]))
  const ids = [...latest.keys()].toSorted()
  const rows = await tx.prepared<{ operation_id: string }>('record_returns', RETURNED, [
    ids,
    ids.map((id) => latest.get(id)),
    now,
  ])
  return new Set(rows.map((row) => row.operation_id))
}

type Rebooted = Pick<CommandResult, 'type' | 'state' | 'resultAt' | 'bootBefore' | 'returnedAt'>

/** What the server saw of a reboot; null for other commands, and where it can't tell. */
export function returnText({ type, state, resultAt, bootBefore, returnedAt }: Rebooted, now: Date): string | null {
  if (type !== 'power.reboot' || state !== 'succeeded' || resultAt === null || bootBefore === null) return null
  const since = Date.parse(resultAt)
  if (returnedAt !== null)
    return `came back after ${Math.max(1, Math.round((Date.parse(returnedAt) - since) / 1000))} s`
  const overdue = now.getTime() - since > BACK_WITHIN_MINUTES * 60_000
  return overdue ? `did not come back within ${BACK_WITHIN_MINUTES} min` : 'restarts; not back yet'
}
