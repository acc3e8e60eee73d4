/** From the owner's connection to a migrated, checked database and its three pools. */
import pg from 'pg'
import { Db } from '../kernel/db.ts'
import { assertIsolation } from './isolation.ts'
import { ensureLogins, loginsFor, type Connection } from './logins.ts'
import { migrate } from './migrate.ts'

const OLDEST = 150_000

export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
}

export interface OpenedDatabase {
  db: Db
  /** Names of the migrations that this start applied. */
  migrated: string[]
}

export async function openDatabase(options: {
  owner: Connection
  pepper: Buffer
  appConnections?: number
  onError(error: Error): void
}): Promise<OpenedDatabase> {
  const logins = loginsFor(options.owner, options.pepper)
  const client = new pg.Client({ ...options.owner, connectionTimeoutMillis: 10_000 })
  let migrated: string[]
  try {
    await connect(client)
    await checkVersion(client)
    await ensureLogins(client, logins)
    migrated = await migrate(client)
    await assertIsolation(client)
  } finally {
    await client.end()
  }
  const pool = (login: Connection, max: number, timeoutMs: number, settings?: string): pg.Pool => {
    const made = new pg.Pool({
      ...login,
      max,
      idleTimeoutMillis: 60_000,
      connectionTimeoutMillis: 10_000,
      // A database host that vanished must not keep calls waiting: a little above the server's own limits.
      query_timeout: timeoutMs,
      keepAlive: true,
      ...(settings && { options: settings }),
    })
    // A connection that dies while idle is replaced by the pool; without a listener it would end the process.
    made.on('error', options.onError)
    return made
  }
  const db = new Db({
    owner: pool(logins.owner, 6, 70_000, '-c statement_timeout=60s -c idle_in_transaction_session_timeout=30s'),
    app: pool(logins.app, options.appConnections ?? 16, 20_000),
    auth: pool(logins.auth, 4, 20_000),
    oauth: pool(logins.owner, 4, 20_000, '-c statement_timeout=15s -c idle_in_transaction_session_timeout=30s'),
  })
  return { db, migrated }
}

/** What is neither the database's refusal nor the network's: something else listens there, TLS does not fit, silence. */
async function connect(client: pg.Client): Promise<void> {
  // Lost while it is used: the statement under way says so.
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    if (error instanceof pg.DatabaseError || !(error instanceof Error) || 'syscall' in error) throw error
    throw new DatabaseError(`DATABASE_URL: no database could be opened there: ${error.message}`, { cause: error })
  }
}

async function checkVersion(client: pg.Client): Promise<void> {
  const result = await client.query<{ server_version_num: string }>('show server_version_num')
  const version = Number(result.rows[0]?.server_version_num ?? 0)
  if (version < OLDEST)
    throw new DatabaseError(`PostgreSQL 15 or newer is needed; this server is ${Math.floor(version / 10_000)}`)
}

/** `postgres://user:password@host:port/database?sslmode=require`, or `?host=/socket/folder`. */
export function connectionFromUrl(text: string): Connection {
  let url: URL
  try {
    // A URL with a user needs a host, which the folder of a socket does not have.
    url = new URL(text.replace(/^(postgres(?:ql)?:\/\/[^/@]*@)\//, '$1localhost/'))
  } catch {
    throw new DatabaseError('DATABASE_URL is not a URL; it should look like postgres://user:password@host:5432/breeze')
  }
  if (!['postgres:', 'postgresql:'].includes(url.protocol))
    throw new DatabaseError('DATABASE_URL must start with postgres://')
  const sslMode = url.searchParams.get('sslmode')
  return {
    host: url.searchParams.get('host') ?? decodeURIComponent(url.hostname),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || 'breeze',
    ...(sslMode && sslMode !== 'disable' && { ssl: { rejectUnauthorized: sslMode !== 'no-verify' } }),
  }
}
