/**
 * The answer to a refresh, kept for a few seconds: whoever sends the same old token again gets the same successor, so that a
 * client that retries, or asks from two addresses, does not lose its grant. It is sealed under a key made from the old token:
 * the database alone can't open it. Only for public clients: it answers before a client would prove itself.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { Db, Tx } from '../kernel/db.ts'

const KEPT = { cipher: 'aes-256-gcm', tag: 16, iv: 12 } as const

export interface SealedAnswer {
  clientId: string
  iv: Buffer
  sealed: Buffer
}

export function sealAnswer(oldToken: string, clientId: string, answer: string): SealedAnswer {
  const iv = randomBytes(KEPT.iv)
  const cipher = createCipheriv(KEPT.cipher, keyOf(oldToken), iv)
  const sealed = Buffer.concat([cipher.update(answer, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { clientId, iv, sealed }
}

export function openAnswer(oldToken: string, { iv, sealed }: SealedAnswer): string {
  const decipher = createDecipheriv(KEPT.cipher, keyOf(oldToken), iv)
  decipher.setAuthTag(sealed.subarray(-KEPT.tag))
  return Buffer.concat([decipher.update(sealed.subarray(0, -KEPT.tag)), decipher.final()]).toString('utf8')
}

export interface KeptAnswer extends SealedAnswer {
  tokenHash: Buffer
  grantId: string
  /** Of the refresh token that it holds. */
  successorHash: Buffer | null
  expiresAt: Date
}

/** The answer that gave the token which is used up now goes: its receiver has it. */
export async function keepAnswer(tx: Tx, kept: KeptAnswer): Promise<void> {
  await tx.prepared('oauth_replay_over', 'delete from oauth_replay where successor_hash = $1', [kept.tokenHash])
  await tx.prepared(
    'oauth_replay_keep',
    `insert into oauth_replay (token_hash, grant_id, client_id, iv, sealed, successor_hash, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [kept.tokenHash, kept.grantId, kept.clientId, kept.iv, kept.sealed, kept.successorHash, kept.expiresAt],
  )
}

/** Null when it was not kept, not for so long, or not for a grant that has ended. */
export async function keptAnswer(db: Db, tokenHash: Buffer, now: Date): Promise<SealedAnswer | null> {
  const [row] = await db.oauth<SealedAnswer>(
    'oauth_replay_find',
    `select r.client_id as "clientId", r.iv, r.sealed from oauth_replay r join oauth_grants g on g.id = r.grant_id
     where r.token_hash = $1 and r.expires_at > $2 and g.revoked_at is null and g.expires_at > $2`,
    [tokenHash, now],
  )
  return row ?? null
}

const keyOf = (token: string): Buffer => Buffer.from(hkdfSync('sha256', token, '', 'breeze refresh replay', 32))
