/** While the database is away nothing is allowed and nothing is denied for good: clients are told to come back. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { freePort, makeFolder, postmasterOf, removeFolder, rowsOf, ServerProcess } from '../faults/server-process.ts'
import { TestBrowser } from '../console/browser.ts'
import { authorized, statusWith, type World } from './assistant.ts'

const folder = makeFolder()
const dataDir = join(folder, 'data')
const PASSWORD = 'correct horse battery staple'
let server: ServerProcess
beforeAll(async () => {
  server = await new ServerProcess({
    dataDir,
    port: await freePort(),
    env: { BREEZE_ADMIN_PASSWORD: PASSWORD, BREEZE_ADMIN_EMAIL: 'admin@example.test' },
  }).ready()
}, 60_000)
afterAll(async () => {
  await server?.kill('SIGKILL')
  await removeFolder(dataDir)
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('tokens, refreshes and authorizations are answered 503, and go on afterwards', async () => {
  const world: World = {
    server: { url: server.url },
    sql: (text, values) => rowsOf(dataDir, text, values),
  }
  const browser = new TestBrowser(server.url)
  await browser.post('sign-in', { email: 'admin@example.test', password: PASSWORD })
  const { client, tokens } = await authorized(world, browser)
  const postmaster = postmasterOf(dataDir)
  process.kill(postmaster, 'SIGKILL')
  const statuses = new Set<number>()
  await vi.waitFor(
    async () => {
      statuses.add(await statusWith(server.url, tokens.access_token))
      statuses.add((await client.refresh('brzr_unknown')).status)
      statuses.add((await browser.visit(String(client.authorizationUrl()))).status)
      expect(statuses).toContain(503)
    },
    { timeout: 10_000, interval: 5 },
  )
  await vi.waitFor(async () => expect(await statusWith(server.url, tokens.access_token)).toBe(200), {
    timeout: 30_000,
    interval: 100,
  })
  // Never an open door, never a "no" that a client would take for good, never a crash.
  for (const status of statuses) expect([200, 303, 400, 503]).toContain(status)
  expect((await client.refresh(tokens.refresh_token)).status).toBe(200)
}, 60_000)
