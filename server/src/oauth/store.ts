/**
 * Where the protocol library keeps its codes and tokens. It hands them over in clear; here they become keyed hashes, so that
 * a stolen database opens nothing. Grants are our own rows, sessions are not kept at all, clients are looked up elsewhere.
 */
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { hashToken } from '../identity/tokens.ts'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import type { Clients } from './clients.ts'
import { exchanges, putRow, type StoredRow } from './exchange.ts'
import type { Grants } from './grants.ts'
import { keptAnswer } from './replay.ts'
import { AUTHORIZE_PATH } from './settings.ts'

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
    const { db, environment } = this.#parts
    const row: StoredRow = {
      model: this.#model,
      hash: this.#hash(id),
      grantId: payload.grantId ?? null,
      clientId: payload.clientId ?? null,
      payload: JSON.stringify(rest),
      expiresAt: new Date(environment.now().getTime() + expiresIn * 1000),
    }
    const redemption = exchanges.getStore()?.redemption
    if (redemption) redemption.made.push(row)
    else await putRow((name, text, values) => db.oauth(name, text, values), row)
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
    if (row.consumed_at && this.#model === 'RefreshToken') await this.#supersede(this.#hash(id))
    return {
      ...row.payload,
      jti: id,
      // The id is part of the address: kept apart from the row, it is put back here.
      ...(this.#model === 'Interaction' && { returnTo: `${this.#parts.issuer}${AUTHORIZE_PATH}/${id}` }),
      ...(row.consumed_at && { consumed: Math.floor(row.consumed_at.getTime() / 1000) }),
    }
  }

  /** The library checks first and consumes later, when others may have: the transaction of the redemption decides. */
  async consume(id: string): Promise<undefined> {
    const redemption = exchanges.getStore()?.redemption
    if (!redemption) throw new errors.InvalidGrant('consumed outside of a redemption')
    redemption.used = { model: this.#model, hash: this.#hash(id) }
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

  async #supersede(hash: Buffer): Promise<void> {
    const exchange = exchanges.getStore()
    const earlier = exchange && (await keptAnswer(this.#parts.db, hash, this.#parts.environment.now()))
    if (!earlier) return
    exchange.earlier = earlier
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
