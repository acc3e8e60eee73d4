/** Killed at every step between asking a second person and the outcome: nothing is lost and nothing runs twice. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { FaultPoint } from '../../src/kernel/faults.ts'
import { freePort, makeFolder, removeFolder, rowsOf, ServerProcess } from './server-process.ts'

let folder: string
let port: number
let server: ServerProcess
let key: string
const dataDir = () => join(folder, 'data')
const start = (fault?: FaultPoint) => new ServerProcess({ dataDir: dataDir(), port, ...(fault && { fault }) }).ready()

/** An act without a device: a site of its own for each point. */
async function ask(name: string): Promise<{ status: number; body: Record<string, unknown> } | null> {
  const input = { organization: 'Contoso', name }
  const response = await fetch(`${server.url}/api/v1/tools/create_site`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(input),
  }).catch(() => null)
  return response && { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const decide = (approval: string) =>
  fetch(`${server.url}/api/v1/tools/decide_approval`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.operatorToken()}`,
      'content-type': 'application/json',
      'x-breeze-surface': 'cli',
    },
    body: JSON.stringify({ approval, decision: 'approve' }),
  }).catch(() => null)

const sitesCalled = (name: string) => rowsOf(dataDir(), 'select id from sites where name = $1', [name])
const requests = (name: string) =>
  rowsOf<{ id: string; state: string; decision: string | null; code: string | null }>(
    dataDir(),
    `select o.id, o.state, a.decision, a.release_code as code from operations o join approvals a on a.operation_id = o.id
     where o.input like $1 order by o.id`,
    [`%"${name}"%`],
  )

beforeAll(async () => {
  folder = makeFolder()
  port = await freePort()
  server = await start()
  expect((await server.call('create_organization', { name: 'Contoso' })).status).toBe(200)
  const made = await server.call('create_api_key', {
    name: 'asker',
    scopes: ['administration.write'],
    partner_wide: true,
  })
  key = String(made.body['key'])
  const own = await server.call('update_organization', { organization: 'Contoso', requester_may_decide: true })
  expect(own.body).toMatchObject({ requester_may_decide: true })
  const policy = { policy: 'approver', tool: 'create_site', organization: 'Contoso' }
  expect((await server.call('set_confirmation_policy', policy)).status).toBe(200)
})
afterAll(async () => {
  await server?.kill('SIGKILL')
  await removeFolder(dataDir())
  rmSync(folder, { recursive: true, force: true })
})

/** `act.committed` is that of the decision itself. */
const KILLED_WHILE_DECIDING = ['act.committed', 'approval.decided', 'approval.released', 'approval.recorded'] as const

test.each(KILLED_WHILE_DECIDING)(
  '%s: what was approved runs once after the restart',
  async (point) => {
    const asked = await ask(point)
    expect(asked).toMatchObject({ status: 202, body: { state: 'approval_required' } })
    await server.kill('SIGKILL')
    server = await start(point)
    await decide(String(asked?.body['operation']))
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
    server = await start()
    await vi.waitFor(async () => {
      expect(await requests(point)).toMatchObject([{ state: 'succeeded', decision: 'approved' }])
      expect(await sitesCalled(point)).toHaveLength(1)
    }, 15_000)
    expect((await decide(String(asked?.body['operation'])))?.status).toBe(409)
    expect(await sitesCalled(point)).toHaveLength(1)
    expect((await server.call('manage_audit', { action: 'verify' })).body).toMatchObject({ ok: true })
  },
  60_000,
)

test('intent.recorded of the call itself, killed again at the restart: it runs once all the same', async () => {
  const asked = await ask('twice')
  await server.kill('SIGKILL')
  server = await start('approval.decided')
  await decide(String(asked?.body['operation']))
  await server.exited
  server = new ServerProcess({ dataDir: dataDir(), port, fault: 'intent.recorded' })
  expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect(await sitesCalled('twice')).toEqual([])
  server = await start()
  await vi.waitFor(async () => expect(await requests('twice')).toMatchObject([{ state: 'succeeded' }]), 15_000)
  expect(await sitesCalled('twice')).toHaveLength(1)
}, 120_000)

test('approval.requested: what was asked for waits, though nobody was told', async () => {
  await server.kill('SIGKILL')
  server = await start('approval.requested')
  expect(await ask('unanswered')).toBeNull()
  expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
  server = await start()
  const [waiting, another] = await requests('unanswered')
  expect([waiting, another]).toMatchObject([{ state: 'awaiting_approval', decision: null }, undefined])
  expect((await decide(waiting?.id ?? ''))?.status).toBe(200)
  expect(await sitesCalled('unanswered')).toHaveLength(1)
}, 120_000)
