/**
 * The three logins: owner (migrations, the server's own work), app (serves requests, owns nothing, row-level security
 * holds for it) and auth (the two credential look-ups, nothing else).
 */
import { createHmac } from 'node:crypto'
import pg from 'pg'

export interface Connection {
  host: string
  port: number
  user: string
  password: string
  database: string
  ssl?: pg.ClientConfig['ssl']
}

export const APP_ROLE = 'breeze_app'
export const AUTH_ROLE = 'breeze_auth'

export interface Logins {
  owner: Connection
  app: Connection
  auth: Connection
}

/** The other logins' passwords follow from the owner's, so that every node that knows that one knows them. */
export function loginsFor(owner: Connection, pepper: Buffer): Logins {
  const secret = owner.password === '' ? pepper : Buffer.from(owner.password, 'utf8')
  const login = (user: string): Connection => ({
    ...owner,
    user,
    password: createHmac('sha256', secret).update(`breeze login ${user}`).digest('base64url'),
  })
  return { owner, app: login(APP_ROLE), auth: login(AUTH_ROLE) }
}

/** Makes the logins if they are missing and gives them their passwords if those do not open yet. */
export async function ensureLogins(client: pg.Client, logins: Logins): Promise<void> {
  for (const login of [logins.app, logins.auth]) {
    if (await opens(login)) continue
    await retrying(() => makeLogin(client, login))
  }
  const database = pg.escapeIdentifier(logins.owner.database)
  await retrying(() => client.query(`grant connect on database ${database} to ${APP_ROLE}, ${AUTH_ROLE}`))
  // Nobody needs temporary tables, and one that bears the name of a table stands before it.
  await retrying(() => client.query(`revoke temporary on database ${database} from public`))
  await retrying(() => client.query(`grant usage on schema public to ${APP_ROLE}, ${AUTH_ROLE}`))
}

async function makeLogin(client: pg.Client, login: Connection): Promise<void> {
  const exists = await client.query('select from pg_roles where rolname = $1', [login.user])
  const verb = exists.rowCount === 0 ? 'create' : 'alter'
  const limits = [`statement_timeout = '15s'`, `idle_in_transaction_session_timeout = '10s'`, `lock_timeout = '5s'`]
  await client.query(
    `${verb} role ${login.user} login nosuperuser nobypassrls nocreatedb nocreaterole noinherit password ${pg.escapeLiteral(login.password)}`,
  )
  for (const limit of limits) await client.query(`alter role ${login.user} set ${limit}`)
}

async function opens(login: Connection): Promise<boolean> {
  const client = new pg.Client({ ...login, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    await client.end()
    return true
  } catch (error) {
    // 28P01 wrong password, 28000 no such role, 42501 may not connect to this database yet.
    if (error instanceof pg.DatabaseError && ['28P01', '28000', '42501'].includes(error.code ?? '')) return false
    throw error
  }
}

/** Roles are shared by all databases of a cluster: two servers that start at once may step on each other here. */
async function retrying(action: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await action()
      return
    } catch (error) {
      const contended =
        error instanceof pg.DatabaseError && ['XX000', '23505', '42710', '40001'].includes(error.code ?? '')
      if (!contended || attempt === 10) throw error
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt))
    }
  }
}
