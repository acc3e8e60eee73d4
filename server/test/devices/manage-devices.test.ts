import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { TestAgent } from '../agents/test-agent.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { code, denial, done } from '../settings/answers.ts'
import { hold } from '../trust/acts.ts'

let aheadMs = 0
let world: Harness
let key: TestKey
let admin: Caller
let acme: Organization
const told = { trusted: [] as string[], gone: [] as string[] }

beforeAll(async () => {
  const now = () => new Date(Date.now() + aheadMs)
  world = await boot({ environment: { ...systemEnvironment, now }, env: { BREEZE_ENV: 'development' } })
  key = await world.key(await world.user('partner_admin'), ['ai:execute'])
  const { hub, services } = world.server
  services.agents = {
    trusted(ids) {
      told.trusted.push(...ids)
      hub.trusted(ids)
    },
    disconnect(id) {
      told.gone.push(id)
      hub.disconnect(id)
    },
  }
})
afterAll(() => world.stop())
let made = 0
beforeEach(async () => {
  made += 1
  acme = await world.organization(`Acme ${made}`)
  admin = await world.caller(key)
  told.trusted = []
  told.gone = []
})

/** Servers, for which an act is held. */
async function device(name: string, conditions: string[] = [], of = acme): Promise<string> {
  const id = await world.device(of, name, { role: name.startsWith('SRV') ? 'server' : 'workstation' })
  await world.sql('update devices set conditions = $2 where id = $1', [id, conditions])
  return id
}
const manage = (input: object, caller = admin) => world.invoke(caller, 'manage_devices', input)
const rowOf = async (id: string) => {
  const [row] = await world.sql<{ name: string; status: string; conditions: string[]; removed_at: Date | null }>(
    'select name, status, conditions, removed_at from devices where id = $1',
    [id],
  )
  return row
}
const here = () => ({ organization: acme.id })

describe('manage_devices', () => {
  it('approves what waits, by name or by filter, and nothing else', async () => {
    const named = await device('NEW-1', ['awaiting_approval', 'duplicate_machine'])
    const filtered = [await device('NEW-2', ['awaiting_approval']), await device('NEW-3', ['awaiting_approval'])]
    const known = await device('OLD-1', ['quarantined'])
    const list = { organization: acme.id, condition: 'awaiting_approval' }
    expect(done(await world.invoke(admin, 'list_devices', list))).toMatchObject({ total: 3 })
    expect(done(await manage({ action: 'approve', devices: 'NEW-1' }))).toMatchObject({
      devices: [{ id: named, name: 'NEW-1' }],
      total: 1,
    })
    expect(await rowOf(named)).toMatchObject({ conditions: ['duplicate_machine'] })
    const preview = { tool: 'manage_devices', input: { action: 'approve', filter: here() } }
    expect(done(await world.invoke(admin, 'preview_action', preview))).toMatchObject({
      plan: { blast_radius: { devices: 2 }, irreversible: [], warnings: [] },
    })
    expect(done(await manage({ action: 'approve', filter: here() }))).toMatchObject({ total: 2 })
    expect(told.trusted.sort()).toEqual([named, ...filtered].sort())
    expect(await rowOf(known)).toMatchObject({ conditions: ['quarantined'] })
    expect(denial(await manage({ action: 'approve', devices: [known] }))).toMatchObject({ code: 'conflict' })
    expect(code(await manage({ action: 'approve', filter: here() }))).toBe('not_found')
  })

  it('lets commands through to a device from its approval on', async () => {
    const id = await device('NEW-1', ['awaiting_approval'])
    const run = { devices: id, content: 'true' }
    const refused = denial(await world.invoke(admin, 'run_script', run))
    expect(refused).toMatchObject({ code: 'conflict', remedy: expect.stringContaining('manage_devices') })
    expect(code(await world.invoke(admin, 'run_script', { filter: here(), content: 'true' }))).toBe('not_found')
    done(await manage({ action: 'approve', devices: id }))
    expect(done(await world.invoke(admin, 'run_script', run))).toMatchObject({ state: 'queued' })
  })

  it('reaches the connected device: it gets what waits once approved, and is sent away when removed', async () => {
    const agent = new TestAgent(world.server.url)
    const expiresAt = new Date(Date.now() + aheadMs + 60_000)
    const place = { organizationId: acme.id, siteId: acme.siteId, uses: 1, expiresAt, createdBy: key.userId }
    const { secret } = await world.server.db.worker((tx) =>
      world.server.enrollment.createToken(tx, { ...place, requiresApproval: true }),
    )
    await agent.enroll(secret, { hostname: 'LIVE-1' })
    await world.sql(`update devices set role = 'workstation' where id = $1`, [agent.deviceId])
    await agent.connect()
    expect(await rowOf(agent.deviceId)).toMatchObject({ conditions: ['awaiting_approval'] })
    expect(code(await world.invoke(admin, 'run_script', { devices: 'LIVE-1', content: 'true' }))).toBe('conflict')
    done(await manage({ action: 'approve', devices: 'LIVE-1' }))
    await vi.waitFor(async () => expect((await rowOf(agent.deviceId))?.status).toBe('online'), 10_000)
    const run = world.invoke(admin, 'run_script', { devices: 'LIVE-1', content: 'true' })
    const { payload } = await agent.nextCommand()
    agent.result(payload.commandId)
    expect(done(await run)).toMatchObject({ state: 'succeeded' })
    done(await manage({ action: 'remove', devices: 'LIVE-1' }))
    expect(await agent.closed).toBe(4005)
  })

  it('releases from quarantine only when that is confirmed', async () => {
    const id = await device('SRV-TWIN', ['quarantined'])
    const input = { action: 'release', devices: id }
    const { token } = await hold(world, admin, 'manage_devices', { ...input, dry_run: false })
    expect(await rowOf(id)).toMatchObject({ conditions: ['quarantined'] })
    expect(code(await manage({ ...input, devices: 'SRV-TWIN', confirmation: token }))).toBe('confirmation_invalid')
    expect(code(await manage({ ...input, action: 'remove', confirmation: token }))).toBe('confirmation_invalid')
    expect(done(await manage({ ...input, confirmation: token }))).toMatchObject({ total: 1 })
    expect(told.trusted).toEqual([id])
    expect(code(await manage({ ...input, confirmation: token }))).toBe('confirmation_invalid')
    const again = await hold(world, admin, 'manage_devices', input)
    aheadMs += 6 * 60_000
    admin = await world.caller(key)
    expect(code(await manage({ ...input, confirmation: again.token }))).toBe('confirmation_expired')
  })

  it('removes devices: unknown at once, their waiting commands cancelled, their history kept', async () => {
    const id = await device('SRV-1')
    const script = { devices: id, content: 'true' }
    const { token: first, operation } = await hold(world, admin, 'run_script', script)
    done(await world.invoke(admin, 'run_script', { ...script, confirmation: first }))
    const input = { action: 'remove', devices: id }
    const { token } = await hold(world, admin, 'manage_devices', input)
    done(await manage({ ...input, confirmation: token }))
    expect((await rowOf(id))?.removed_at).toEqual(expect.any(Date))
    expect(told.gone).toEqual([id])
    expect(done(await world.invoke(admin, 'list_devices', here()))).toMatchObject({ total: 0 })
    expect(code(await world.invoke(admin, 'get_device_details', { device: id }))).toBe('not_found')
    expect(done(await world.invoke(admin, 'get_operation', { operation }))).toMatchObject({
      devices: [{ name: 'SRV-1', state: 'cancelled', reason: expect.stringMatching(/^device removed by /) }],
    })
    expect(code(await manage(input))).toBe('not_found')
  })

  it('rejects only what waits for approval', async () => {
    const [waiting, known] = [await device('NEW-1', ['awaiting_approval']), await device('OLD-1')]
    const input = { action: 'reject', devices: [waiting, known] }
    const held = await world.invoke(admin, 'manage_devices', input)
    if (held.status !== 'held') throw new Error('it was not held')
    expect(held.hold.plan.warnings).toEqual(['1 of them are not awaiting approval: nothing happens to those.'])
    const confirmation = held.hold.confirmation?.token
    expect(done(await manage({ ...input, confirmation }))).toMatchObject({ total: 1, devices: [{ id: waiting }] })
    expect(told.gone).toEqual([waiting])
    expect((await rowOf(known))?.removed_at).toBeNull()
  })

  it('renames one device, to a name that is one', async () => {
    const [id] = [await device('PC-1'), await device('PC-2')]
    expect(done(await manage({ action: 'rename', devices: 'PC-1', name: 'Reception' }))).toMatchObject({
      devices: [{ id, name: 'Reception' }],
    })
    expect((await rowOf(id))?.name).toBe('Reception')
    for (const bad of [
      { action: 'rename', devices: id },
      { action: 'rename', filter: here(), name: 'All of them' },
      { action: 'rename', devices: id, name: 'two\nlines' },
      { action: 'approve', devices: id, name: 'X' },
      { action: 'rename', name: 'X' },
      { action: 'destroy', devices: id },
    ])
      expect([bad, code(await manage(bad))]).toEqual([bad, 'invalid_input'])
  })

  it("is for roles and scopes that may, and finds no other organization's devices", async () => {
    const globex = await world.organization(`Globex ${made}`)
    const foreign = await device('THEIRS', ['awaiting_approval'], globex)
    const own = await device('OURS', ['awaiting_approval'])
    const of = async (role: string, scopes: string[]) =>
      world.caller(await world.key(await world.user(role, acme.id), scopes))
    const technician = await of('technician', ['ai:execute'])
    expect(code(await manage({ action: 'approve', devices: own }, technician))).toBe('forbidden')
    const viewer = await of('viewer', ['ai:execute'])
    for (const action of ['approve', 'reject', 'release', 'remove'])
      expect(code(await manage({ action, devices: own }, viewer))).toBe('forbidden')
    const reader = await of('organization_admin', ['ai:read'])
    expect(code(await manage({ action: 'approve', devices: own }, reader))).toBe('insufficient_scope')
    const writer = await of('organization_admin', ['ai:write'])
    expect(code(await manage({ action: 'remove', devices: own }, writer))).toBe('insufficient_scope')
    for (const action of ['approve', 'reject', 'remove', 'release']) {
      const theirs = await of('organization_admin', ['ai:execute'])
      expect(code(await manage({ action, devices: foreign }, theirs))).toBe('not_found')
      expect(code(await manage({ action, filter: { organization: globex.id } }, theirs))).toBe('not_found')
    }
    expect(await rowOf(foreign)).toMatchObject({ conditions: ['awaiting_approval'], removed_at: null })
    expect(done(await manage({ action: 'approve', devices: own }, writer))).toMatchObject({ total: 1 })
  })
})
