/** A device's own key and the one that follows it: either proves the device until the new one was used once. */
import type { Db, Tx } from '../../kernel/db.ts'

/** Two that bring the same key at once wait for each other, wherever it is to be stored. */
export async function lockKey(tx: Tx, publicKey: Buffer): Promise<void> {
  await tx.prepared('lock_device_key', `select pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), 60))`, [
    publicKey,
  ])
}

const PROPOSE = `
  update devices d set next_public_key = case when d.public_key = $2 then null else $2 end
  where d.id = $1 and d.removed_at is null
    and not exists (select from devices o where o.id <> $1 and (o.public_key = $2 or o.next_public_key = $2))
  returning d.id`

/** False for a key that is another device's. A key told again, or the present one, changes nothing. */
export function proposeKey(db: Db, deviceId: string, publicKey: Buffer): Promise<boolean> {
  return db.worker(async (tx) => {
    await lockKey(tx, publicKey)
    return (await tx.prepared('propose_device_key', PROPOSE, [deviceId, publicKey])).length === 1
  })
}

// The key is unique, so the update needs the row whole: locked by less first, it would wait for presence, which waits for it.
const ADOPT = `
  with used as (select * from unnest($1::uuid[], $2::bytea[]) as u (id, key)),
  locked as (select id from devices where id in (select id from used) order by id for update)
  update devices d set public_key = d.next_public_key, next_public_key = null
  from used u join locked using (id) where d.id = u.id and d.next_public_key = u.key`

/** These have used their next key (base64url by device): the one before is worth nothing from now on. */
export async function adoptKeys(db: Db, used: ReadonlyMap<string, string>): Promise<void> {
  if (used.size === 0) return
  const keys = [...used.values()].map((key) => Buffer.from(key, 'base64url'))
  await db.worker((tx) => tx.prepared('adopt_device_keys', ADOPT, [[...used.keys()], keys]))
}
