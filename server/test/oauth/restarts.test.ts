/** The server ends in the middle of connecting an assistant: restarted, killed at the worst moment, or with another pepper. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FaultPoint } from '../../src/kernel/faults.ts'
import { KEY_FILES } from '../../src/keys/key-files.ts'
import { TestBrowser } from '../console/browser.ts'
import { freePort, makeFolder, removeFolder, rowsOf, ServerProcess } from '../faults/server-process.ts'
import {
  agree,
  approve,
  authorized,
  comeBack,
  RawClient,
  statusWith,
  type Tokens,
  tokensOf,
  type World,
} from './assistant.ts'

const folder = makeFolder()
const dataDir = join(folder, 'data')
const PASSWORD = 'correct horse battery staple'
const admin = { email: 'admin@example.test', password: PASSWORD }
let port: number
let server: ServerProcess
let world: World
let browser: TestBrowser
/** Everything that must never be in a log, and what the servers said before this one. */
const secrets = new Set<string>([PASSWORD])
let said = ''

beforeAll(async () => {
  port = await freePort()
  await start()
  world = { server: { url: server.url }, sql: (text, values) => rowsOf(dataDir, text, values) }
  browser = await signIn()
}, 120_000)
afterAll(async () => {
  await server?.kill('SIGKILL')
  await removeFolder(dataDir)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

async function start(fault?: FaultPoint): Promise<void> {
  const env = {
    BREEZE_ADMIN_PASSWORD: PASSWORD,
    BREEZE_ADMIN_EMAIL: admin.email,
    BREEZE_LOG_LEVEL: 'trace',
    MCP_OAUTH_RATE_LIMIT_PER_MINUTE: '100000',
  }
  server = await new ServerProcess({ dataDir, port, env, ...(fault && { fault }) }).ready()
}

async function restart(fault?: FaultPoint, by: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  await server.kill(by)
  said += server.stdout + server.stderr
  await start(fault)
}

async function signIn(): Promise<TestBrowser> {
  const made = new TestBrowser(server.url)
  expect((await made.post('sign-in', admin)).json).toEqual({ state: 'signed_in' })
  return made
}

const keep = (tokens: Tokens): Tokens => {
  for (const secret of [tokens.access_token, tokens.refresh_token]) secrets.add(secret)
  return tokens
}

async function newCode(client: RawClient): Promise<string> {
  const code = (await agree(browser, client.authorizationUrl())).searchParams.get('code') ?? ''
  secrets.add(code)
  return code
}

/** The server dies before it answers. */
async function dies(request: Promise<Response>): Promise<void> {
  await expect(request).rejects.toThrow()
  expect(await server.exited).toMatchObject({ signal: 'SIGKILL' })
}

const living = async (client: RawClient): Promise<number> => {
  const [row] = await world.sql<{ n: number }>(
    `select count(*)::int as n from oauth_store t join oauth_grants g on g.id = t.grant_id
     where t.model = 'RefreshToken' and t.consumed_at is null and g.revoked_at is null and g.client_id = $1`,
    [client.clientId],
  )
  return row?.n ?? 0
}

test('a request to connect outlives restarts at each step, and its code is good once', async () => {
  const client = await RawClient.register(server.url)
  const visitor = new TestBrowser(server.url)
  const opened = await visitor.visit(String(client.authorizationUrl()))
  const uid = opened.location?.split('/').at(-1) ?? ''
  await restart()
  await visitor.post('sign-in', admin)
  const view = (await visitor.get(`consent/${uid}`)).json
  expect(view).toMatchObject({ client: { name: 'Raw' } })
  await restart(undefined, 'SIGTERM')
  const decided = await approve(visitor, { uid, view })
  expect(decided.status).toBe(200)
  const back = await comeBack(visitor, String(decided.json['redirect_to']))
  const code = back.searchParams.get('code') ?? ''
  secrets.add(code)
  await restart()
  const tokens = keep(await tokensOf(await client.redeem(code)))
  expect(await statusWith(server.url, tokens.access_token)).toBe(200)
  expect((await visitor.get(`consent/${uid}`)).json).toMatchObject({ error: { code: 'expired' } })
  expect((await client.redeem(code)).status).toBe(400)
  expect(await statusWith(server.url, tokens.access_token)).toBe(401)
}, 120_000)

test('killed between using a token up and answering, nothing is lost and nothing is good twice', async () => {
  const { client, tokens } = await authorized(world, browser)
  keep(tokens)
  const other = await RawClient.register(server.url)
  await restart('token.answered')
  await dies(client.refresh(tokens.refresh_token))
  await restart('token.answered')
  const code = await newCode(other)
  await dies(other.redeem(code))
  // So far nothing was redeemed.
  await restart('token.redeemed')
  await dies(other.redeem(code))
  await restart('token.redeemed')
  expect([await living(client), await living(other)]).toEqual([1, 1])
  await dies(client.refresh(tokens.refresh_token))
  await restart()
  // The code gave tokens that nobody received: whoever brings it again may be a thief.
  expect((await other.redeem(code)).status).toBe(400)
  expect(await living(other)).toBe(0)
  // The retry of a refresh gets what was made for it.
  const answers = [await client.refresh(tokens.refresh_token), await client.refresh(tokens.refresh_token)]
  const [next, same] = await Promise.all(answers.map(async (answer) => keep(await tokensOf(answer))))
  expect(same).toEqual(next)
  expect(await living(client)).toBe(1)
  expect(await statusWith(server.url, next?.access_token ?? '')).toBe(200)
  expect((await client.refresh(next?.refresh_token ?? '')).status).toBe(200)
  expect((await server.call('manage_audit', { action: 'verify' })).body).toMatchObject({ ok: true })
}, 120_000)

test('with another pepper everything handed out before is worth nothing, and people sign in as before', async () => {
  const { client, tokens } = await authorized(world, browser)
  keep(tokens)
  const { body: made } = await server.call('create_api_key', { name: 'k', scopes: ['ai:read'], partner_wide: true })
  const key = String(made['key'])
  secrets.add(key)
  const pending = await browser.visit(String(client.authorizationUrl()))
  expect(await statusWith(server.url, key)).toBe(200)
  await server.kill('SIGTERM')
  said += server.stdout + server.stderr
  writeFileSync(join(dataDir, 'keys', KEY_FILES.pepper), randomBytes(32), { mode: 0o600 })
  await start()
  for (const token of [tokens.access_token, key]) expect(await statusWith(server.url, token)).toBe(401)
  expect((await client.refresh(tokens.refresh_token)).status).toBe(400)
  expect((await browser.get('session')).status).toBe(401)
  expect((await browser.get(`consent/${pending.location?.split('/').at(-1)}`)).json).toMatchObject({
    error: { code: 'expired' },
  })
  browser = await signIn()
  const again = await authorized(world, browser)
  expect(await statusWith(server.url, keep(again.tokens).access_token)).toBe(200)
}, 120_000)

test('and the logs, as talkative as can be, hold none of it', () => {
  for (const cookie of browser.cookies.values()) secrets.add(cookie)
  const files = readdirSync(join(dataDir, 'log')).map((name) => readFileSync(join(dataDir, 'log', name), 'utf8'))
  const logged = [...files, said, server.stdout, server.stderr].join('\n')
  expect(logged).toContain('/oauth/token')
  expect(secrets.size).toBeGreaterThan(8)
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(8)
    expect(logged.includes(secret)).toBe(false)
  }
})
