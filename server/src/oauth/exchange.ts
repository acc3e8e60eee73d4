/** What one request to the protocol library does and learns beside its answer. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Db, Tx } from '../kernel/db.ts'
import { fault } from '../kernel/faults.ts'
import type { GrantFacts } from './grants.ts'
import { keepAnswer, type SealedAnswer } from './replay.ts'
import { REPLAY_SECONDS } from './settings.ts'

/** A row of the library's, its id as a keyed hash. */
export interface StoredRow {
  model: string
  hash: Buffer
  grantId: string | null
  clientId: string | null
  payload: string
  expiresAt: Date
}

/** A code or refresh token that is used up, and what comes of it. */
export interface Redemption {
  used: { model: string; hash: Buffer } | null
  made: StoredRow[]
}

export interface Exchange {
  /** Written as one once the library has answered; null where each row is written at once. */
  redemption: Redemption | null
  /** An earlier request redeemed this refresh token: its answer is this one's too. */
  earlier: SealedAnswer | null
  /** What a grant that ends during this request ends for. */
  because: 'client' | 'reuse'
  /** Grants that this request ended. */
  ended: GrantFacts[]
  /** What went wrong on our side, when something did. */
  failure: Error | null
}

export const exchanges = new AsyncLocalStorage<Exchange>()

export const newExchange = (because: Exchange['because'], redemption: Redemption | null = null): Exchange => ({
  redemption,
  earlier: null,
  because,
  ended: [],
  failure: null,
})

const PUT = `insert into oauth_store (model, id_hash, grant_id, client_id, payload, expires_at) values ($1, $2, $3, $4, $5, $6)
  on conflict (model, id_hash) do update set payload = excluded.payload, expires_at = excluded.expires_at`

/** By itself, or in a transaction. */
export const putRow = (
  run: (name: string, text: string, values: unknown[]) => Promise<unknown>,
  { model, hash, grantId, clientId, payload, expiresAt }: StoredRow,
): Promise<unknown> => run('oauth_store_put', PUT, [model, hash, grantId, clientId, payload, expiresAt])

/** Only one of those that do it at the same time wins, and only while the grant lives. */
const USE_UP = `update oauth_store t set consumed_at = $3
  where t.model = $1 and t.id_hash = $2 and t.consumed_at is null
    and exists (select from oauth_grants g where g.id = t.grant_id and g.revoked_at is null)
  returning t.grant_id`

/**
 * The token is used up, its successors exist and the answer for a retry is kept, or none of it: a server that dies in between
 * has redeemed nothing, and one that dies afterwards can still answer. False when another request was first.
 */
export async function redeem(
  db: Db,
  redemption: Redemption,
  retried: SealedAnswer | null,
  now: Date,
): Promise<boolean> {
  fault('token.answered')
  const won = await db.oauthTransaction((tx) => write(tx, redemption, retried, now))
  fault('token.redeemed')
  return won
}

async function write(tx: Tx, { used, made }: Redemption, retried: SealedAnswer | null, now: Date): Promise<boolean> {
  if (!used) return false
  const [row] = await tx.prepared<{ grant_id: string }>('oauth_store_use_up', USE_UP, [used.model, used.hash, now])
  if (!row) return false
  for (const one of made) await putRow((name, text, values) => tx.prepared(name, text, values), one)
  if (!retried) return true
  await keepAnswer(tx, {
    ...retried,
    tokenHash: used.hash,
    grantId: row.grant_id,
    successorHash: made.find((one) => one.model === 'RefreshToken')?.hash ?? null,
    expiresAt: new Date(now.getTime() + REPLAY_SECONDS * 1000),
  })
  return true
}
