/** Boots the whole server on a database of its own, and makes callers, keys, organizations and devices for tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import pino from 'pino'
import { inject } from 'vitest'
import { readConfig } from '../src/config.ts'
import { startServer } from '../src/compose.ts'
import type { RunningServer, ServerOptions } from '../src/running-server.ts'
import { hashToken, KEY_PREFIX, makeToken, visiblePrefix } from '../src/identity/tokens.ts'
import type { Caller } from '../src/kernel/caller.ts'
import { systemEnvironment, type Environment } from '../src/kernel/context.ts'
import type { Tool } from '../src/kernel/tool.ts'
import { loadKeys } from '../src/keys/keys.ts'
import type { Outcome } from '../src/kernel/kernel.ts'
import { TEMPLATE } from './template-database.ts'

export interface HarnessOptions {
  env?: Record<string, string>
  environment?: Environment
  extraTools?: readonly Tool[]
  documents?: ServerOptions['documents']
  longestAskMs?: number
  /** The agent that the server hands out. */
  agentBundle?: string
  /** Boots on this data folder and database again: a restart. */
  previous?: { dataDir: string; database: string }
}

export interface Organization {
  id: string
  name: string
  siteId: string
}

export interface TestKey {
  id: string
  key: string
  userId: string
}

export interface Harness {
  server: RunningServer
  dataDir: string
  database: string
  organization(name: string): Promise<Organization>
  site(organizationId: string, name: string): Promise<string>
  /** A user with one role; `organization` null gives it partner-wide. */
  user(role: string, organization?: string | null, sites?: string[]): Promise<string>
  /** An API key of a user. */
  key(
    userId: string,
    scopes: string[],
    more?: { organizations?: string[]; expiresAt?: Date; ipAllowList?: string[] },
  ): Promise<TestKey>
  /** The caller that a key makes, as an adapter would see it. */
  caller(key: TestKey, channel?: Caller['channel']): Promise<Caller>
  operator(): Promise<Caller>
  /** A device row without an agent. */
  device(
    organization: Organization,
    name: string,
    more?: { role?: string; status?: string; siteId?: string; os?: string },
  ): Promise<string>
  invoke(caller: Caller, tool: string, input: unknown): Promise<Outcome>
  /** As the owner, past row-level security. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  /** Stops the server; `keep` leaves database and data folder for a restart. */
  stop(options?: { keep?: boolean }): Promise<void>
}

export async function boot(options: HarnessOptions = {}): Promise<Harness> {
  const postgres = inject('postgres')
  const dataDir = options.previous?.dataDir ?? (await mkdtemp(join(tmpdir(), 'breeze-test-data-')))
  const database = options.previous?.database ?? `t${systemEnvironment.newId().replaceAll('-', '')}`
  const admin = new pg.Client(postgres)
  await admin.connect()
  if (!options.previous) await admin.query(`create database ${database} template ${TEMPLATE}`)
  const config = readConfig({
    BREEZE_DATA_DIR: dataDir,
    BREEZE_LOCAL_AGENT: 'off',
    MCP_MESSAGE_RATE_LIMIT_PER_MINUTE: '100000',
    MCP_SSE_RATE_LIMIT_PER_MINUTE: '1000',
    MCP_MAX_SSE_SESSIONS_PER_KEY: '50',
    BREEZE_TOOL_CALLS_PER_MINUTE: '100000',
    MCP_OAUTH_RATE_LIMIT_PER_MINUTE: '100000',
    ...options.env,
  })
  // Port 0 is not for operators: only a test lets the system choose.
  const free = {
    ...config,
    port: options.env?.['PORT'] ? config.port : 0,
    publicUrl: options.env?.['PORT'] || options.env?.['BREEZE_PUBLIC_URL'] ? config.publicUrl : 'http://127.0.0.1:0',
  }
  const server = await startServer({
    config: free,
    owner: { ...postgres, database },
    keys: await loadKeys(dataDir),
    log: pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' }),
    ...(options.environment && { environment: options.environment }),
    agentBundle: options.agentBundle ?? join(import.meta.dirname, 'newer-agent.cjs'),
    ...(options.extraTools && { extraTools: options.extraTools }),
    ...(options.documents && { documents: options.documents }),
    ...(options.longestAskMs !== undefined && { longestAskMs: options.longestAskMs }),
  })
  const owner = new pg.Pool({ ...postgres, database, max: 3 })
  owner.on('error', () => undefined)
  return {
    server,
    dataDir,
    database,
    ...factories(server, owner, dataDir),
    stop: stopper({ server, owner, admin, database, dataDir }),
  }
}

function stopper(parts: {
  server: RunningServer
  owner: pg.Pool
  admin: pg.Client
  database: string
  dataDir: string
}) {
  return async (options: { keep?: boolean } = {}): Promise<void> => {
    await parts.server.close()
    await parts.owner.end()
    if (!options.keep) {
      await parts.admin.query(`drop database if exists ${parts.database} with (force)`)
      await rm(parts.dataDir, { recursive: true, force: true })
    }
    await parts.admin.end()
  }
}

function factories(
  server: RunningServer,
  owner: pg.Pool,
  dataDir: string,
): Omit<Harness, 'server' | 'dataDir' | 'database' | 'stop'> {
  const { newId, randomBytes } = systemEnvironment
  const partner = server.installation.partnerId
  const sql = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await owner.query<Row>(text, values)).rows

  const site = async (organizationId: string, name: string): Promise<string> => {
    const id = newId()
    await sql('insert into sites (id, organization_id, name) values ($1, $2, $3)', [id, organizationId, name])
    return id
  }
  const organization = async (name: string): Promise<Organization> => {
    const id = newId()
    await sql('insert into organizations (id, partner_id, name) values ($1, $2, $3)', [id, partner, name])
    return { id, name, siteId: await site(id, 'Main Office') }
  }
  const user = async (role: string, organizationId: string | null = null, sites?: string[]): Promise<string> => {
    const id = newId()
    const email = `${id}@example.test`
    await sql(
      `insert into users (id, partner_id, organization_id, kind, email, name) values ($1, $2, $3, 'person', $4, $4)`,
      [id, partner, organizationId, email],
    )
    await sql(
      'insert into role_assignments (id, partner_id, user_id, role_id, organization_id, site_ids) values ($1, $2, $3, $4, $5, $6)',
      [newId(), partner, id, role, organizationId, sites ?? null],
    )
    return id
  }
  const key: Harness['key'] = async (userId, scopes, more = {}) => {
    const id = newId()
    const token = makeToken(KEY_PREFIX, randomBytes)
    const { pepper } = await loadKeys(dataDir)
    const organizations = more.organizations ?? null
    await sql(
      `insert into api_keys (id, partner_id, organization_id, organization_ids, user_id, created_by, name, prefix, hash, scopes, expires_at, ip_allow_list)
       values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11)`,
      [
        id,
        partner,
        organizations?.length === 1 ? organizations[0] : null,
        organizations,
        userId,
        `key ${id.slice(-4)}`,
        visiblePrefix(token),
        hashToken(token, pepper),
        scopes,
        more.expiresAt ?? null,
        more.ipAllowList ?? null,
      ],
    )
    return { id, key: token, userId }
  }
  const callerOf = async (token: string, channel: Caller['channel']): Promise<Caller> => {
    const identity = await server.authenticator.authenticate({
      authorization: `Bearer ${token}`,
      apiKey: null,
      ip: '127.0.0.1',
    })
    if (!identity) throw new Error('the credential does not open')
    return { ...identity, channel, client: 'test 1.0' }
  }
  const device: Harness['device'] = async (of, name, more = {}) => {
    const id = newId()
    await sql(
      `insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, os, role, status, agent_version, first_seen_at)
       values ($1, $2, $3, $4, $5, $6, 'linux', $7, $8, $9, '0.1.0', now())`,
      [
        id,
        of.id,
        more.siteId ?? of.siteId,
        name,
        id,
        randomBytes(32),
        more.os ?? 'Debian GNU/Linux 12',
        more.role ?? 'workstation',
        more.status ?? 'offline',
      ],
    )
    return id
  }
  return {
    sql,
    site,
    organization,
    user,
    key,
    device,
    caller: (of, channel = 'mcp') => callerOf(of.key, channel),
    operator: () => callerOf(server.operatorToken, 'cli'),
    invoke: (caller, tool, input) => {
      const surface = caller.channel === 'schedule' || caller.channel === 'system' ? 'rest' : caller.channel
      return server.door.invoke(caller, tool, input, { surface })
    },
  }
}
