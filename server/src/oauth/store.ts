/**
 * Where the protocol library keeps its codes and tokens. It hands them over in clear; here they become keyed hashes, so that
 * a stolen database opens nothing. Grants are our own rows, sessions are not kept at all, clients are looked up elsewhere.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { hashToken } from '../identity/tokens.ts'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import type { Clients } from './clients.ts'
import type { GrantFacts, Grants } from './grants.ts'
import { AUTHORIZE_PATH, REPLAY_SECONDS } from './settings.ts'

/** What one request to the library learns beside its answer. */
export interface Exchange {
  /** Another request exchanged this refresh token a moment ago: its answer is this one's too. */
  superseded: boolean
  /** What a grant that ends during this request ends for. */
  because: 'client' | 'reuse'
  /** Grants that this request ended. */
  ended: GrantFacts[]
  /** What went wrong on our side, when something did. */
  failure: Error | null
}

export const exchanges = new AsyncLocalStorage<Exchange>()

/** The library answers it with a server error, which the exchange's own answer replaces. */
export class SupersededError extends Error {
  override readonly name = 'SupersededError'
}

export interface StoreParts {
  db: Db
  pepper: Buffer
  environment: Environment
  issuer: string
  resource: string
  grants: Grants
  clients: Clients
}

interface Stored {
  payload: AdapterPayload
  consumed_at: Date | null
}

export class Store implements Adapter {
  readonly #parts: StoreParts
  readonly #model: string

  constructor(parts: StoreParts, model: string) {
    this.#parts = parts
    this.#model = model
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<undefined> {
    // Our own session says who somebody is, and our own row what was granted.
    if (this.#model === 'Session' || this.#model === 'Grant') return
    const { jti: _id, returnTo: _address, ...rest } = payload
    const { environment } = this.#parts
    await this.#parts.db.oauth(
      'oauth_store_put',
      `insert into oauth_store (model, id_hash, grant_id, client_id, payload, expires_at) values ($1, $2, $3, $4, $5, $6)
       on conflict (model, id_hash) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
      [
        this.#model,
        this.#hash(id),
        payload.grantId ?? null,
        payload.clientId ?? null,
        JSON.stringify(rest),
        new Date(environment.now().getTime() + expiresIn * 1000),
      ],
    )
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    if (this.#model === 'Session') return undefined
    if (this.#model === 'Grant') return this.#grant(id)
    if (this.#model === 'Client') return this.#parts.clients.metadata(id)
    const [row] = await this.#parts.db.oauth<Stored>(
      'oauth_store_find',
      'select payload, consumed_at from oauth_store where model = $1 and id_hash = $2 and expires_at > $3',
      [this.#model, this.#hash(id), this.#parts.environment.now()],
    )
    if (!row) return undefined
    if (row.consumed_at && this.#model === 'RefreshToken') this.#supersede(row.consumed_at)
    return {
      ...row.payload,
      jti: id,
      // The id is part of the address: kept apart from the row, it is put back here.
      ...(this.#model === 'Interaction' && { returnTo: `${this.#parts.issuer}${AUTHORIZE_PATH}/${id}` }),
      ...(row.consumed_at && { consumed: Math.floor(row.consumed_at.getTime() / 1000) }),
    }
  }

  /** The library checks first and consumes later. Only one of those that do so at the same time may win. */
  async consume(id: string): Promise<undefined> {
    const hash = this.#hash(id)
    const [won] = await this.#parts.db.oauth<{ won: boolean }>(
      'oauth_store_consume',
      `update oauth_store set consumed_at = $3 where model = $1 and id_hash = $2 and consumed_at is null returning true as won`,
      [this.#model, hash, this.#parts.environment.now()],
    )
    if (won) return
    if (this.#model === 'RefreshToken') this.#supersede(this.#parts.environment.now())
    const [row] = await this.#parts.db.oauth<{ grant_id: string | null }>(
      'oauth_store_grant',
      'select grant_id from oauth_store where model = $1 and id_hash = $2',
      [this.#model, hash],
    )
    if (row?.grant_id) await this.#end(row.grant_id)
    throw new errors.InvalidGrant('already consumed')
  }

  async destroy(id: string): Promise<undefined> {
    if (this.#model === 'Session') return
    if (this.#model === 'Grant') return this.#end(id)
    await this.#parts.db.oauth('oauth_store_drop', 'delete from oauth_store where model = $1 and id_hash = $2', [
      this.#model,
      this.#hash(id),
    ])
  }

  async revokeByGrantId(grantId: string): Promise<undefined> {
    await this.#parts.db.oauth('oauth_store_drop_grant', 'delete from oauth_store where model = $1 and grant_id = $2', [
      this.#model,
      grantId,
    ])
  }

  async findByUid(): Promise<undefined> {
    return undefined
  }

  async findByUserCode(): Promise<undefined> {
    return undefined
  }

  #hash(id: string): Buffer {
    return hashToken(id, this.#parts.pepper)
  }

  #supersede(at: Date): void {
    const exchange = exchanges.getStore()
    if (!exchange || this.#parts.environment.now().getTime() - at.getTime() > REPLAY_SECONDS * 1000) return
    exchange.superseded = true
    throw new SupersededError('exchanged a moment ago')
  }

  async #end(grantId: string): Promise<undefined> {
    const exchange = exchanges.getStore()
    const gone = await this.#parts.grants.revoke(grantId, exchange?.because ?? 'reuse', null)
    if (gone) exchange?.ended.push(gone)
  }

  async #grant(id: string): Promise<AdapterPayload | undefined> {
    const grant = await this.#parts.grants.alive(id)
    if (!grant) return undefined
    return {
      jti: id,
      kind: 'Grant',
      accountId: grant.userId,
      clientId: grant.clientId,
      resources: { [this.#parts.resource]: grant.scopes.join(' ') },
      exp: Math.floor(grant.expiresAt.getTime() / 1000),
      iat: Math.floor(this.#parts.environment.now().getTime() / 1000),
    }
  }
}
