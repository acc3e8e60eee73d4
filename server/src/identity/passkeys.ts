/** Passkeys of a person. */
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import { dropOrphanedCodes } from './second-factors.ts'

export interface ListedPasskey {
  id: string
  name: string
  createdAt: Date
  lastUsedAt: Date | null
}

export interface PasskeysParts {
  db: Db
  environment: Environment
  publicUrl: string
}

export class Passkeys {
  readonly #parts: PasskeysParts

  constructor(parts: PasskeysParts) {
    this.#parts = parts
  }

  async list(userId: string): Promise<ListedPasskey[]> {
    const rows = await this.#parts.db.worker((tx) =>
      tx.prepared<{ id: string; name: string; created_at: Date; last_used_at: Date | null }>(
        'passkeys_of_user',
        'select id, name, created_at, last_used_at from passkeys where user_id = $1 order by created_at, id',
        [userId],
      ),
    )
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
    }))
  }

  async remove(userId: string, id: string): Promise<boolean> {
    return this.#parts.db.worker(async (tx) => {
      const removed = await tx.prepared(
        'passkey_remove',
        'delete from passkeys where user_id = $1 and id::text = $2 returning id',
        [userId, id],
      )
      await dropOrphanedCodes(tx, userId)
      return removed.length === 1
    })
  }
}
