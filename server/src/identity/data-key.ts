/** The database remembers which key its secrets are sealed with: another one, or a new one for a lost one, is noticed here. */
import type { Db } from '../kernel/db.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import { KeyFileError } from '../keys/key-files.ts'

export async function requireDataKey(db: Db, box: SecretBox): Promise<void> {
  const [row] = await db.worker(async (tx) => {
    await tx.prepared(
      'data_key_claim',
      `insert into installation (key, value) values ('data_encryption', to_jsonb($1::text)) on conflict (key) do nothing`,
      [box.id],
    )
    return tx.prepared<{ id: string }>(
      'data_key_read',
      `select value #>> '{}' as id from installation where key = 'data_encryption'`,
      [],
    )
  })
  if (row?.id === box.id) return
  throw new KeyFileError(
    'keys/data-encryption is not the key that secrets in this database are sealed with: restore it from a backup',
  )
}
