/** Two servers on one database, as behind a load balancer: what one ends, the other knows at once. */
import { chmodSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import pg from 'pg'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { freePort, makeFolder, ServerProcess } from '../faults/server-process.ts'
import type { TestBrowser } from '../console/browser.ts'
import {
  agree,
  authorized,
  CALLBACK,
  RawClient,
  signedIn,
  statusWith,
  tokensOf,
  type Tokens,
  type World,
} from './assistant.ts'

/** A second, and room for a busy machine. */
const PROMPT_MS = 3000

const folder = makeFolder()
const database = `t${systemEnvironment.newId().replaceAll('-', '')}`
let admin: pg.Client
let owner: pg.Pool
let a: ServerProcess
let b: ServerProcess
let world: World
let browser: TestBrowser
let technician: string
let organization: string

beforeAll(async () => {
  const postgres = inject('postgres')
  admin = new pg.Client(postgres)
  await admin.connect()
  await admin.query(`create database ${database}`)
  const { user, password, host, port } = postgres
  const ports = [await freePort(), await freePort()] as const
  const env = {
    DATABASE_URL: `postgres://${user}:${encodeURIComponent(password)}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
    MCP_OAUTH_RATE_LIMIT_PER_MINUTE: '100000',
    BREEZE_PUBLIC_URL: `http://127.0.0.1:${ports[0]}`,
  }
  a = await new ServerProcess({ dataDir: join(folder, 'a'), port: ports[0], env }).ready()
  // Every node of an installation has the same keys.
  mkdirSync(join(folder, 'b'), { mode: 0o700 })
  cpSync(join(folder, 'a', 'keys'), join(folder, 'b', 'keys'), { recursive: true })
  chmodSync(join(folder, 'b', 'keys'), 0o700)
  b = await new ServerProcess({ dataDir: join(folder, 'b'), port: ports[1], env }).ready()
  owner = new pg.Pool({ ...postgres, database, max: 2 })
  owner.on('error', () => undefined)
  world = {
    server: { url: a.url },
    sql: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await owner.query<Row>(text, values)).rows,
  }
  await furnish()
  browser = await signedIn(world, technician)
}, 120_000)
afterAll(async () => {
  await Promise.all([a?.kill('SIGTERM'), b?.kill('SIGTERM')])
  await owner?.end()
  await admin?.query(`drop database if exists ${database} with (force)`)
  await admin?.end()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

async function furnish(): Promise<void> {
  const { newId } = systemEnvironment
  const [partner] = await world.sql<{ id: string }>('select id from partners')
  organization = newId()
  technician = newId()
  await world.sql('insert into organizations (id, partner_id, name) values ($1, $2, $3)', [
    organization,
    partner?.id,
    'Acme',
  ])
  await world.sql(
    `insert into users (id, partner_id, organization_id, kind, email, name) values ($1, $2, $3, 'person', $4, $4)`,
    [technician, partner?.id, organization, `${technician}@example.test`],
  )
  await world.sql(
    `insert into role_assignments (id, partner_id, user_id, role_id, organization_id) values ($1, $2, $3, 'technician', $4)`,
    [newId(), partner?.id, technician, organization],
  )
}

/** At the token endpoint of a node: the other one answers to the same public name. */
function exchange(node: ServerProcess, form: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams(form).toString()
  return new Promise((resolve, reject) => {
    const headers = { host: new URL(a.url).host, 'content-type': 'application/x-www-form-urlencoded' }
    const asked = request(`${node.url}/oauth/token`, { method: 'POST', headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0 })))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

const refreshAt = (node: ServerProcess, client: RawClient, token: string): Promise<Response> =>
  exchange(node, { grant_type: 'refresh_token', refresh_token: token, client_id: client.clientId })

/** Milliseconds from `end` until the open stream is cut. */
async function timeUntilCut(node: ServerProcess, token: string, end: () => Promise<unknown>): Promise<number> {
  const stream = await fetch(`${node.url}/api/v1/mcp/sse`, { headers: { authorization: `Bearer ${token}` } })
  expect(stream.status).toBe(200)
  const reader = stream.body?.getReader()
  await reader?.read()
  await end()
  const began = performance.now()
  for (;;) {
    const read = await reader?.read()
    if (!read || read.done) return performance.now() - began
  }
}

describe('two nodes', () => {
  test('cut the streams of a revoked grant within a second, and refuse its next request', async () => {
    const { tokens } = await authorized(world, browser)
    expect(await statusWith(b.url, tokens.access_token)).toBe(200)
    const took = await timeUntilCut(b, tokens.access_token, async () => {
      expect((await browser.post('tools/revoke_grant', { user: 'me' })).status).toBe(200)
      expect(await statusWith(b.url, tokens.access_token)).toBe(401)
    })
    expect(took).toBeLessThan(PROMPT_MS)
  })

  test('cut the streams of a deleted key within a second', async () => {
    const made = await a.call('create_api_key', { name: 'Stream', scopes: ['ai:read'], organizations: 'Acme' })
    const took = await timeUntilCut(b, String(made.body['key']), () => a.call('delete_api_key', { key: 'Stream' }))
    expect(took).toBeLessThan(PROMPT_MS)
  })

  test('cut the streams of a person who is disabled within a second', async () => {
    const { tokens } = await authorized(world, browser)
    const took = await timeUntilCut(b, tokens.access_token, () =>
      world.sql('update users set disabled_at = now() where id = $1', [technician]),
    )
    await world.sql('update users set disabled_at = null where id = $1', [technician])
    expect(took).toBeLessThan(PROMPT_MS)
  })

  test('give one successor when a token is refreshed at both at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { client, tokens } = await authorized(world, browser)
      const answers = await Promise.all(
        [a, b, a, b].map(async (node) => tokensOf(await refreshAt(node, client, tokens.refresh_token))),
      )
      expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1)
      expect(await statusWith(round % 2 ? a.url : b.url, answers[0]?.access_token ?? '')).toBe(200)
    }
  }, 120_000)

  test('leave no living token when a code is redeemed at both at once', async () => {
    const client = await RawClient.register(a.url)
    for (let round = 0; round < 10; round += 1) {
      const back = await agree(browser, client.authorizationUrl())
      const form = {
        grant_type: 'authorization_code',
        code: back.searchParams.get('code') ?? '',
        code_verifier: client.verifier,
        redirect_uri: CALLBACK,
        client_id: client.clientId,
      }
      const answers = await Promise.all([a, b, a, b].map((node) => exchange(node, form)))
      const won = answers.filter((answer) => answer.status === 200)
      expect(won.length).toBeLessThanOrEqual(1)
      for (const answer of won)
        expect(await statusWith(b.url, ((await answer.json()) as Tokens).access_token)).toBe(401)
    }
  }, 120_000)

  test('bring nothing back to life when one refreshes what the other revokes', async () => {
    for (let round = 0; round < 25; round += 1) {
      const { client, tokens } = await authorized(world, browser)
      const [refreshed] = await Promise.all([
        refreshAt(b, client, tokens.refresh_token),
        browser.post('tools/revoke_grant', { user: 'me' }),
      ])
      if (refreshed.status !== 200) continue
      const next = (await refreshed.json()) as Tokens
      expect((await refreshAt(b, client, next.refresh_token)).status).toBe(400)
      const [row] = await world.sql(
        `select count(*)::int as n from oauth_store t join oauth_grants g on g.id = t.grant_id
         where t.model = 'AccessToken' and g.revoked_at is null and g.client_id = $1`,
        [client.clientId],
      )
      expect(row).toEqual({ n: 0 })
    }
  }, 120_000)
})
