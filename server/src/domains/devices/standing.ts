/** What people decide of devices: to trust them, to call them otherwise, to let them go. */
import type { Tx } from '../../kernel/db.ts'
import type { BlockingCondition } from './conditions.ts'

interface Changed {
  id: string
}

// Locked in the order of ids, as presence does.
const PICKED = (which: string): string => `
  with picked as (
    select id from devices where id = any ($1::uuid[]) and removed_at is null and ${which} order by id for no key update)`

const TRUST = `${PICKED('conditions @> array[$2]::text[]')}
  update devices d set conditions = array_remove(d.conditions, $2) from picked where d.id = picked.id returning d.id`

const REMOVE = `${PICKED('($3::text is null or conditions @> array[$3])')}
  update devices d set removed_at = $2 from picked where d.id = picked.id returning d.id`

const RENAME = `${PICKED('true')}
  update devices d set name = $2 from picked where d.id = picked.id returning d.id`

const ids = (rows: readonly Changed[]): string[] => rows.map((row) => row.id)

/** Answers those that had the condition. */
export async function trustDevices(tx: Tx, deviceIds: readonly string[], condition: BlockingCondition) {
  return ids(await tx.prepared<Changed>('trust_devices', TRUST, [deviceIds, condition]))
}

/** Their history stays; they are unknown to the server from now on. With a condition, only those that have it. */
export async function removeDevices(
  tx: Tx,
  deviceIds: readonly string[],
  now: Date,
  condition?: BlockingCondition,
): Promise<string[]> {
  return ids(await tx.prepared<Changed>('remove_devices', REMOVE, [deviceIds, now, condition ?? null]))
}

/** The name stays, whatever the machine calls itself later. */
export async function renameDevice(tx: Tx, deviceId: string, name: string): Promise<string[]> {
  return ids(await tx.prepared<Changed>('rename_device', RENAME, [[deviceId], name]))
}
