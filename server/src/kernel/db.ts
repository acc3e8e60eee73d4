/**
 * The only way to the database. A tenant transaction runs as the app login with the caller's reach set for its length;
 * a worker transaction runs as the owner and serves the server's own work (presence, delivery, audit).
 *
 * Queries are built with Kysely and run on the transaction's own connection. Domains never see a pool.
 */
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type Compilable,
  type RawBuilder,
} from 'kysely'
import pg from 'pg'
import type { RowAccess } from './caller.ts'
import type { Database } from './schema.ts'

// Counts are bigint in SQL; ours stay far below 2^53. Timestamps leave as ISO strings from the row mappers.
pg.types.setTypeParser(20, Number)

/** Builds SQL; it has no connection and can run nothing by itself. */
export const query = new Kysely<Database>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

/** SQL that is written out, for a transaction to run. */
export const statement = <Row>(built: RawBuilder<Row>): Compilable<Row> => ({ compile: () => built.compile(query) })

export interface Tx {
  all<Row>(built: Compilable<Row>): Promise<Row[]>
  first<Row>(built: Compilable<Row>): Promise<Row | undefined>
  /** Runs and answers how many rows it touched. */
  run(built: Compilable<unknown>): Promise<number>
  /** A hot statement: planned once per connection under its name. Rows come back as the statement's author types them. */
  prepared<Row>(name: string, text: string, values: unknown[]): Promise<Row[]>
  /** Called once the transaction is durable, never when it failed. */
  afterCommit(action: () => void): void
}

class PoolTx implements Tx {
  readonly actions: (() => void)[] = []
  readonly #client: pg.PoolClient

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  async all<Row>(built: Compilable<Row>): Promise<Row[]> {
    const compiled = built.compile()
    const result = await this.#client.query(compiled.sql, [...compiled.parameters])
    // The builder's type is the only description of these rows; `pg` has none.
    return result.rows as Row[]
  }

  async first<Row>(built: Compilable<Row>): Promise<Row | undefined> {
    return (await this.all(built))[0]
  }

  async run(built: Compilable<unknown>): Promise<number> {
    const compiled = built.compile()
    const result = await this.#client.query(compiled.sql, [...compiled.parameters])
    return result.rowCount ?? 0
  }

  async prepared<Row>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    const result = await this.#client.query({ name, text, values })
    return result.rows as Row[]
  }

  afterCommit(action: () => void): void {
    this.actions.push(action)
  }
}

export interface Pools {
  owner: pg.Pool
  app: pg.Pool
  auth: pg.Pool
  /** The authorization server's: its work must not wait for that of others, nor they for it. */
  oauth: pg.Pool
}

export class Db {
  readonly #pools: Pools

  constructor(pools: Pools) {
    this.#pools = pools
  }

  /** One short transaction that sees exactly what `access` names. Nothing but the database may be awaited inside. */
  tenant<T>(access: RowAccess, work: (tx: Tx) => Promise<T>): Promise<T> {
    return transaction(this.#pools.app, beginAs(access), work)
  }

  /** The server's own work. Row-level security lets the owner's login pass. */
  worker<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return transaction(this.#pools.owner, 'begin', work)
  }

  /** One statement of the server's own work, committed by itself. */
  async workerStatement(name: string, text: string, values: unknown[]): Promise<number> {
    const result = await this.#pools.owner.query({ name, text, values })
    return result.rowCount ?? 0
  }

  /** A credential look-up: happens before a tenant is known, through a function that answers nothing else. */
  async lookUp<Row>(name: string, text: string, values: unknown[]): Promise<Row | undefined> {
    const result = await this.#pools.auth.query({ name, text, values })
    return result.rows[0] as Row | undefined
  }

  /** One named statement of the authorization server's own tables, committed by itself. */
  async oauth<Row>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    const result = await this.#pools.oauth.query({ name, text, values })
    return result.rows as Row[]
  }

  /** Several of them that hold together or not at all. */
  oauthTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return transaction(this.#pools.oauth, 'begin', work)
  }

  async ping(): Promise<void> {
    await this.#pools.app.query('select 1')
  }

  /** Connections in use and waiting, for /metrics. */
  usage(): Record<keyof Pools, { total: number; idle: number; waiting: number }> {
    const { owner, app, auth, oauth } = this.#pools
    return { owner: usageOf(owner), app: usageOf(app), auth: usageOf(auth), oauth: usageOf(oauth) }
  }

  async close(): Promise<void> {
    // Connections that PostgreSQL ends from now on were not lost.
    for (const pool of Object.values(this.#pools)) pool.removeAllListeners('error').on('error', () => undefined)
    await Promise.all(Object.values(this.#pools).map((pool: pg.Pool) => pool.end()))
  }
}

const usageOf = (pool: pg.Pool) => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount })

async function transaction<T>(pool: pg.Pool, begin: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  const tx = new PoolTx(client)
  let broken: Error | undefined
  // The pool listens to idle connections only: one that is lost in use would otherwise end the process.
  const lost = (error: Error): void => {
    broken = error
  }
  client.on('error', lost)
  try {
    await client.query(begin)
    const result = await work(tx)
    const ended = await client.query('commit')
    // A statement failed and `work` went on all the same: PostgreSQL then answers a commit by rolling back, without an error.
    if (ended.command !== 'COMMIT') throw new Error('the transaction was rolled back: one of its statements had failed')
    for (const action of tx.actions) action()
    return result
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => {
      broken = rollbackError
    })
    throw error
  } finally {
    // A connection that could not even roll back is thrown away: its settings must reach nobody else.
    client.release(broken)
    client.off('error', lost)
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The array literal of ids; refuses anything else, because it is written into the statement's text. */
function uuidArray(ids: readonly string[]): string {
  for (const id of ids) if (!UUID.test(id)) throw new TypeError('a row-access id is not a UUID')
  return `'{${ids.join(',')}}'`
}

/** `begin` and the settings in one round trip. `true` makes each setting end with the transaction. */
function beginAs(access: RowAccess): string {
  return (
    `begin; select set_config('breeze.partner', ${uuidArray([access.partnerId]).replace(/[{}]/g, '')}, true), ` +
    `set_config('breeze.partner_wide', '${access.partnerWide ? 'on' : 'off'}', true), ` +
    `set_config('breeze.organizations', ${uuidArray([...access.whole, ...access.limited])}, true), ` +
    `set_config('breeze.whole_organizations', ${uuidArray(access.whole)}, true), ` +
    `set_config('breeze.sites', ${uuidArray(access.sites)}, true)`
  )
}
