/**
 * The answer to a refresh, kept for a few seconds: whoever sends the same old token again gets the same successor, so that a
 * client that retries, or asks from two addresses, does not lose its grant. It is sealed under a key made from the old token:
 * the database alone can't open it. Only for public clients: it answers before a client would prove itself.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { hashToken } from '../identity/tokens.ts'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import { REPLAY_SECONDS } from './settings.ts'

const KEPT = { cipher: 'aes-256-gcm', tag: 16, iv: 12 } as const
/** For the one that exchanges the token at this moment, perhaps on another node. */
const PATIENCE_MS = 4000
const LOOK_AGAIN_MS = 40

export class Replays {
  readonly #db: Db
  readonly #pepper: Buffer
  readonly #environment: Environment

  constructor(parts: { db: Db; pepper: Buffer; environment: Environment }) {
    this.#db = parts.db
    this.#pepper = parts.pepper
    this.#environment = parts.environment
  }

  async keep(oldToken: string, clientId: string, answer: string): Promise<void> {
    const iv = randomBytes(KEPT.iv)
    const cipher = createCipheriv(KEPT.cipher, keyOf(oldToken), iv)
    const sealed = Buffer.concat([cipher.update(answer, 'utf8'), cipher.final(), cipher.getAuthTag()])
    const expires = new Date(this.#environment.now().getTime() + REPLAY_SECONDS * 1000)
    await this.#db.oauth(
      'oauth_replay_keep',
      `insert into oauth_replay (token_hash, grant_id, client_id, iv, sealed, expires_at)
       select $1, t.grant_id, $2, $3, $4, $5 from oauth_store t where t.model = 'RefreshToken' and t.id_hash = $1
       on conflict (token_hash) do nothing`,
      [hashToken(oldToken, this.#pepper), clientId, iv, sealed, expires],
    )
  }

  /** Waits for the one who exchanges the token now. `none`: it is not this program's, or its grant has ended. */
  async answer(oldToken: string, clientId: string): Promise<{ body: string } | 'none' | 'late'> {
    const until = Date.now() + PATIENCE_MS
    for (;;) {
      const found = await this.#find(oldToken, clientId)
      if (found !== 'late' || Date.now() > until) return found
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }

  async #find(oldToken: string, clientId: string): Promise<{ body: string } | 'none' | 'late'> {
    const [row] = await this.#db.oauth<{ iv: Buffer | null; sealed: Buffer | null }>(
      'oauth_replay_find',
      `select r.iv, r.sealed from oauth_store t join oauth_grants g on g.id = t.grant_id
       left join oauth_replay r on r.token_hash = t.id_hash and r.expires_at > $3
       where t.model = 'RefreshToken' and t.id_hash = $1 and t.client_id = $2 and g.revoked_at is null`,
      [hashToken(oldToken, this.#pepper), clientId, this.#environment.now()],
    )
    if (!row) return 'none'
    if (!row.iv || !row.sealed) return 'late'
    const decipher = createDecipheriv(KEPT.cipher, keyOf(oldToken), row.iv)
    decipher.setAuthTag(row.sealed.subarray(-KEPT.tag))
    const opened = Buffer.concat([decipher.update(row.sealed.subarray(0, -KEPT.tag)), decipher.final()])
    return { body: opened.toString('utf8') }
  }
}

const keyOf = (token: string): Buffer => Buffer.from(hkdfSync('sha256', token, '', 'breeze refresh replay', 32))
