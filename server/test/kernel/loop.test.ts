import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runAgent, type RunningAgent } from '../../../agent/src/main.ts'
import { boot, type Harness, type Organization } from '../harness.ts'

let world: Harness
let agent: RunningAgent
let state: string
let contoso: Organization

beforeAll(async () => {
  world = await boot()
  contoso = await world.organization('Contoso')
  state = await mkdtemp(join(tmpdir(), 'breeze-agent-'))
  const expiresAt = new Date(Date.now() + 60_000)
  const token = await world.server.db.worker((tx) =>
    world.server.enrollment.createToken(tx, {
      organizationId: contoso.id,
      siteId: contoso.siteId,
      uses: 1,
      expiresAt,
      createdBy: world.server.installation.adminId,
    }),
  )
  agent = await runAgent({
    servers: [world.server.url],
    network: {},
    token: token.secret,
    stateDirectory: state,
    power: 'dry-run',
    policyPath: join(state, 'policy.json'),
    protectedPaths: [],
    fault: undefined,
    scriptEnvironment: { path: process.env['PATH'] ?? '', home: '/root' },
    log: () => undefined,
  })
  await vi.waitFor(
    async () =>
      expect((await world.sql<{ status: string; role: string }>('select status, role from devices'))[0]).toMatchObject({
        status: 'online',
        role: expect.stringMatching(/^(server|database|hypervisor)$/),
      }),
    10_000,
  )
})
afterAll(async () => {
  await agent?.stop('stop')
  await world.stop()
  await rm(state, { recursive: true, force: true })
})

describe('a script on a real agent', () => {
  it('is held for a server, runs once confirmed, and answers with its output', async () => {
    const technician = await world.caller(await world.key(await world.user('partner_technician'), ['ai:execute']))
    const input = { devices: agent.deviceId, content: 'echo hello from $0; exit 3' }
    const held = await world.invoke(technician, 'run_script', input)
    expect(held).toMatchObject({ status: 'held', hold: { plan: { blast_radius: { devices: 1, servers: 1 } } } })
    if (held.status !== 'held') return
    const confirmation = held.hold.confirmation?.token
    const done = await world.invoke(technician, 'run_script', { ...input, confirmation })
    expect(done).toMatchObject({
      status: 'done',
      data: { state: 'failed', devices: [{ state: 'failed', exit_code: 3 }] },
    })
    expect(JSON.stringify(done)).toContain('hello from')
    const again = await world.invoke(technician, 'run_script', { ...input, confirmation })
    expect(again).toMatchObject({ status: 'refused', denial: { code: 'confirmation_invalid' } })
  })
})
