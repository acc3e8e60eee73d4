/**
 * What checking a credential costs, by the server's own authenticator: CPU of the PostgreSQL process behind its one connection,
 * and of this process. One after the other, each time another credential, in tables as a large installation has them.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import type { Connection } from '../server/src/database/logins.ts'
import { openDatabase } from '../server/src/database/open.ts'
import { DatabaseAuthenticator } from '../server/src/identity/authenticator.ts'
import {
  ACCESS_PREFIX,
  hashToken,
  KEY_PREFIX,
  makeToken,
  SESSION_PREFIX,
  visiblePrefix,
} from '../server/src/identity/tokens.ts'
import type { Db } from '../server/src/kernel/db.ts'
import { exactCpuMicroseconds } from './process-facts.ts'

const GRANTS = 10_000
/** Of each grant: as many as its refreshes of some hours leave behind. */
const TOKENS_PER_GRANT = 20
const PEOPLE = 500
/** Of each kind, that are known here and brought in turns. */
const KNOWN = 1000
const WARM_UP = 1000

export interface TokenCost {
  kind: string
  postgresMicroseconds: number
  nodeMicroseconds: number
}

export interface TokenReport {
  grants: number
  tokens: number
  /** The first is a statement that looks nothing up: what asking at all costs. */
  costs: TokenCost[]
}

export async function measureTokens(
  owner: Connection,
  pepper: Buffer,
  partnerId: string,
  checks: number,
): Promise<TokenReport> {
  const known = await furnish(owner, pepper, partnerId)
  const { db } = await openDatabase({ owner, pepper, onError: () => undefined })
  try {
    const operator = { token: '', userId: randomUUID() }
    const people = new DatabaseAuthenticator({ db, pepper, operator, oauthEnabled: true, now: () => new Date() })
    const asBearer = async (token: string) =>
      people.authenticate({ authorization: `Bearer ${token}`, apiKey: null, ip: '127.0.0.1' })
    const nothing = async () => db.lookUp('nothing', 'select $1::bytea is null as answer', [Buffer.alloc(32)])
    const costs = [
      await measure(db, 'nothing', known.keys, checks, nothing),
      await measure(db, 'API key', known.keys, checks, asBearer),
      await measure(db, 'OAuth token', known.access, checks, asBearer),
      await measure(db, 'session', known.sessions, checks, (token) => people.session(token, '127.0.0.1')),
    ]
    return { grants: GRANTS, tokens: GRANTS * TOKENS_PER_GRANT, costs }
  } finally {
    await db.close()
  }
}

async function measure(
  db: Db,
  kind: string,
  credentials: readonly string[],
  checks: number,
  check: (credential: string) => Promise<unknown>,
): Promise<TokenCost> {
  const round = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const answer = await check(credentials[n % credentials.length] ?? '')
      if (!answer) throw new Error(`the ${kind} opens nothing`)
    }
  }
  await round(WARM_UP)
  const backend = await db.lookUp<{ pid: number }>('backend', 'select pg_backend_pid() as pid', [])
  const pid = backend?.pid ?? 0
  const before = { postgres: exactCpuMicroseconds(pid), node: process.cpuUsage() }
  await round(checks)
  const { user, system } = process.cpuUsage(before.node)
  return {
    kind,
    postgresMicroseconds: (exactCpuMicroseconds(pid) - before.postgres) / checks,
    nodeMicroseconds: (user + system) / checks,
  }
}

/** Users, keys, grants, tokens and sessions, past the server. Answers those credentials that it knows. */
async function furnish(owner: Connection, pepper: Buffer, partnerId: string) {
  const pool = new Pool({ ...owner, max: 1 })
  try {
    await pool.query(PEOPLE_ROWS, [partnerId, PEOPLE])
    const [keys, access, sessions] = [KEY_PREFIX, ACCESS_PREFIX, SESSION_PREFIX].map((prefix) =>
      Array.from({ length: KNOWN }, () => makeToken(prefix, randomBytes)),
    ) as [string[], string[], string[]]
    const hashes = (tokens: readonly string[]) => tokens.map((token) => hashToken(token, pepper))
    await pool.query(KEY_ROWS, [partnerId, hashes(keys), keys.map(visiblePrefix)])
    await pool.query(GRANT_ROWS, [partnerId, GRANTS])
    await pool.query(TOKEN_ROWS, [TOKENS_PER_GRANT / 2, 'AccessToken'])
    await pool.query(TOKEN_ROWS, [TOKENS_PER_GRANT / 2, 'RefreshToken'])
    await pool.query(KNOWN_TOKENS, [hashes(access)])
    await pool.query(SESSION_ROWS, [partnerId, hashes(sessions), GRANTS - KNOWN])
    await pool.query('vacuum analyze')
    return { keys, access, sessions }
  } finally {
    await pool.end()
  }
}

const PEOPLE_ROWS = `
  with people as (
    insert into users (id, partner_id, kind, email, name)
    select gen_random_uuid(), $1, 'person', 'bench' || n || '@example.test', 'Bench ' || n from generate_series(1, $2::int) n
    returning id)
  insert into role_assignments (id, partner_id, user_id, role_id) select gen_random_uuid(), $1, id, 'partner_technician' from people`

/** A person of those for each row, in turns. */
const BY_TURNS = `join (select id, row_number() over (order by id) - 1 as place, count(*) over () as of from users
    where email like 'bench%@example.test') u on u.place = n % u.of`

const KEY_ROWS = `
  insert into api_keys (id, partner_id, user_id, created_by, name, prefix, hash, scopes)
  select gen_random_uuid(), $1, u.id, u.id, 'bench ' || n, k.prefix, k.hash, '{ai:read,ai:execute}'
  from unnest($2::bytea[], $3::text[]) with ordinality as k (hash, prefix, n) ${BY_TURNS}`

const GRANT_ROWS = `
  with program as (
    insert into oauth_clients (id, kind, name, redirect_uris, created_at)
    select 'bench-' || n, 'registered', 'Bench ' || n, '{http://127.0.0.1/callback}', now() from generate_series(0, 99) n)
  insert into oauth_grants (id, partner_id, user_id, client_id, client_name, first_party, redirect_host, scopes, created_at,
    last_authorized_at, expires_at)
  select gen_random_uuid(), $1, u.id, 'bench-' || n % 100, 'Bench', false, '127.0.0.1', '{ai:read,ai:execute}', now(), now(),
    now() + interval '90 days'
  from generate_series(1, $2::int) n ${BY_TURNS}`

/** As the authorization server writes them. */
const PAYLOAD = `jsonb_build_object('accountId', g.user_id, 'grantId', g.id, 'clientId', g.client_id, 'scope', 'ai:read ai:execute',
    'kind', 'AccessToken', 'gty', 'authorization_code refresh_token', 'aud', 'http://127.0.0.1/api/v1/mcp', 'iat', 1, 'exp', 2)`

const TOKEN_ROWS = `
  insert into oauth_store (model, id_hash, grant_id, client_id, payload, expires_at)
  select $2::text, sha256((g.id::text || n || $2::text)::bytea), g.id, g.client_id, ${PAYLOAD}, now() + interval '1 day'
  from oauth_grants g cross join generate_series(1, $1::int) n`

const KNOWN_TOKENS = `
  insert into oauth_store (model, id_hash, grant_id, client_id, payload, expires_at)
  select 'AccessToken', k.hash, g.id, g.client_id, ${PAYLOAD}, now() + interval '1 day'
  from unnest($1::bytea[]) with ordinality as k (hash, n)
  join (select *, row_number() over (order by id) as place from oauth_grants) g on g.place = k.n`

const SESSION_ROWS = `
  insert into sessions (id, partner_id, user_id, hash, stage, methods, created_at, last_used_at, proven_at, expires_at)
  select gen_random_uuid(), $1, u.id, k.hash, 'open', '{password}', now(), now(), now(), now() + interval '7 days'
  from (select hash, row_number() over () as n from (
    select unnest($2::bytea[]) as hash union all
    select sha256(i::text::bytea) from generate_series(1, $3::int) i) all_of_them) k ${BY_TURNS}`
