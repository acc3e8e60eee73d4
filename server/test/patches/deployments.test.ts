/** Deployments over simulated devices: proof, stages, gates, and whose act they are. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AptRoot } from '../../../agent/test/apt-root.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { officialClients } from '../mcp/clients.ts'
import { PATIENCE_MS, startAgent } from '../reach/agent-process.ts'
import { callsOf } from '../reach/calls.ts'
import { ask } from '../reach/technician.ts'
import { stateOf } from '../trust/acts.ts'
import { lackingDevice, type PatchedDevice } from './patched-devices.ts'

let world: Harness
let place: Organization
let key: TestKey
let technician: Caller
let made = 0
beforeAll(async () => {
  world = await boot({ env: { BREEZE_AGENT_HEARTBEAT_SECONDS: '5' } })
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  place = await world.organization(`Patched ${made}`)
  key = await world.key(await world.user('partner_admin'), ['ai:execute'])
  technician = await world.caller(key, 'mcp')
})
const { call, confirmed, refusal } = callsOf(
  new Proxy({} as Harness, { get: (_, name: keyof Harness) => world[name] }),
  () => technician,
)

const fleet = (count: number): Promise<PatchedDevice[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => lackingDevice(world, place, `P${made}-${n}`)))
const sentTo = (device: PatchedDevice): string[] => device.received.map(({ type }) => type)
const rolloutOf = async (operation: string) =>
  (await call('get_operation', { operation })).data['rollout'] as { state: string; reason: string | null }
const reaches = (operation: string, state: string): Promise<true> =>
  until(async () => (await rolloutOf(operation)).state === state)
const ofStates = (devices: Record<string, unknown>[]) =>
  Object.fromEntries(devices.map(({ name, state }) => [String(name), state]))

describe('one device', () => {
  it('is patched when a new scan proves it, and the audit tells whose act each step was', async () => {
    const [device] = await fleet(1)
    if (!device) throw new Error('there is one')
    const { text, data } = await call('deploy_patches', { devices: device.name, when: 'now' })
    expect(data).toMatchObject({
      state: 'finished',
      devices: [{ name: device.name, state: 'succeeded' }],
      counts: { succeeded: 1 },
    })
    expect(text).toContain('Rollout finished.')
    expect(device.received).toMatchObject([
      { type: 'updates.install', args: { updates: [{ name: 'openssl', version: '2' }] } },
      { type: 'updates.scan' },
    ])
    expect(await stateOf(world, String(data['operation']))).toBe('succeeded')
    const entries = await world.sql<{ body: string }>(
      `select body from audit_entries where tool = 'deploy_patches' and organization_id = $1 order by seq`,
      [place.id],
    )
    const told = entries.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    expect(told.map(({ kind, channel, decision, outcome }) => [kind, channel, decision, outcome])).toEqual([
      ['intent', 'mcp', 'allowed', null],
      ['intent', 'schedule', 'allowed', null],
      ['outcome', 'schedule', 'allowed', 'succeeded'],
      ['outcome', 'mcp', 'allowed', 'succeeded'],
    ])
    for (const entry of told) {
      expect(entry).toMatchObject({ credential: { kind: 'api_key', id: key.id }, tier: 3 })
      expect(entry['details']).toMatchObject({ confirmation: { applied: 'client' }, targets: [device.id] })
    }
  })

  it('that says it installed and still lacks the update has failed', async () => {
    const [device] = await fleet(1)
    if (!device) throw new Error('there is one')
    device.behaviour = 'lies'
    const { data } = await call('deploy_patches', { devices: device.id, when: 'now' })
    const reason = 'openssl: still pending after the installation'
    expect(data.devices).toMatchObject([{ state: 'failed', reason }])
    const status = await call('get_patch_status', { device: device.id })
    expect(status.data.devices).toMatchObject([{ failed_deployment: { operation: data['operation'], reason } }])
    expect(status.text).toContain('its last deployment failed')
  })

  it('that lacks nothing of what was asked for, or nothing that may be installed, is sent nothing', async () => {
    const [device] = await fleet(1)
    const input = { devices: device?.id, when: 'now' }
    expect(await refusal('deploy_patches', { ...input, updates: 'nginx' })).toMatchObject({ code: 'conflict' })
    const rule = {
      action: 'create',
      organization: place.id,
      name: `No ssl ${made}`,
      decision: 'block',
      match: { names: ['open*'] },
    }
    await call('manage_patch_rules', rule)
    for (const updates of [undefined, 'openssl'])
      expect(await refusal('deploy_patches', { ...input, ...(updates && { updates }) })).toMatchObject({
        code: 'conflict',
        reason: expect.stringContaining('1 are blocked by a rule'),
      })
    await call('manage_patch_rules', { action: 'update', rule: rule.name, decision: 'approve', delay_days: 3 })
    expect(await refusal('deploy_patches', input)).toMatchObject({
      reason: expect.stringContaining('approved only later'),
    })
    expect((await call('list_patch_rules', { text: rule.name })).text).toContain('approves names open*, 3 days after')
    expect(device?.received).toEqual([])
  })

  it('without a maintenance window is refused where one is asked for, and waits for the one that it has', async () => {
    const [device] = await fleet(1)
    expect(await refusal('deploy_patches', { devices: device?.id })).toMatchObject({
      code: 'conflict',
      reason: 'No maintenance window covers any of these devices.',
    })
    await call('manage_maintenance_windows', {
      action: 'create',
      name: `Far ${made}`,
      organization: place.id,
      recurrence: {
        kind: 'once',
        date: new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10),
        time: '22:00',
      },
      time_zone: 'UTC',
      duration_minutes: 60,
    })
    await world.server.services.maintenance.refresh()
    const { data } = await call('deploy_patches', { devices: device?.id, when: 'now' })
    expect(data.devices).toMatchObject([{ state: 'due', reason: expect.stringMatching(/^from .*T22:00:00/) }])
    expect(device?.received).toEqual([])
    const cancelled = await call('cancel_operation', { operation: data['operation'] })
    expect(cancelled.data).toMatchObject({ state: 'cancelled', cancelled: 1 })
    expect(await stateOf(world, String(data['operation']))).toBe('cancelled')
    const open = await call('deploy_patches', { devices: device?.id, when: 'now', ignore_windows: true })
    expect(open.data.devices).toMatchObject([{ state: 'succeeded' }])
  })
})

describe('stages', () => {
  const staged = (devices: readonly PatchedDevice[], more: object = {}) => ({
    devices: devices.map(({ id }) => id),
    when: 'now',
    rings: [{ name: 'first', devices: devices.slice(0, 2).map(({ id }) => id) }],
    soak_minutes: 0,
    ...more,
  })

  it('stop at the gate before the next begins, and go on when somebody resumes what was mended', async () => {
    const devices = await fleet(5)
    const [bad] = devices
    if (!bad) throw new Error('there are five')
    bad.behaviour = 'fails'
    const held = await world.invoke(technician, 'deploy_patches', staged(devices))
    expect(held).toMatchObject({
      status: 'held',
      hold: { plan: { summary: expect.stringContaining('in 2 stages: first 2'), blast_radius: { devices: 5 } } },
    })
    const { data, text } = await confirmed('deploy_patches', staged(devices))
    const operation = String(data['operation'])
    await reaches(operation, 'stopped')
    expect(await rolloutOf(operation)).toMatchObject({
      reason: expect.stringMatching(/^Stage "first": 1 of [12] devices failed; at least 90 % must succeed.$/),
      stages: [
        { name: 'first', succeeded: 1, failed: 1 },
        { name: 'rest', state: 'waiting' },
      ],
    })
    expect(text).toContain('get_operation')
    expect(devices.slice(2).flatMap(sentTo)).toEqual([])
    const told = await call('get_operation', { operation })
    expect(told.data.devices[0]).toMatchObject({
      name: bad.name,
      state: 'failed',
      reason: 'openssl: dpkg: no space left on device',
    })

    bad.behaviour = 'installs'
    expect((await call('list_rollouts', { organization: place.name })).data['rollouts']).toMatchObject([
      { operation, state: 'stopped', kind: 'patches', devices: 5, succeeded: 1, failed: 1 },
    ])
    await confirmed('control_rollout', { operation, action: 'resume' })
    await reaches(operation, 'finished')
    expect(await stateOf(world, operation)).toBe('succeeded')
    const all = await call('get_operation', { operation })
    expect(new Set(Object.values(ofStates(all.data.devices)))).toEqual(new Set(['succeeded']))
  })

  it('wait while they are paused, and what has not begun never does once they are cancelled', async () => {
    const devices = await fleet(4)
    const { data } = await confirmed('deploy_patches', staged(devices, { soak_minutes: 60 }))
    const operation = String(data['operation'])
    await reaches(operation, 'soaking')
    await call('control_rollout', { operation, action: 'pause', reason: 'lunch' })
    expect((await rolloutOf(operation)).reason).toMatch(/^paused by .*: lunch$/)
    expect(await call('cancel_operation', { operation })).toMatchObject({ data: { cancelled: 2 } })
    await until(async () => (await stateOf(world, operation)) === 'partial')
    expect(devices.slice(2).flatMap(sentTo)).toEqual([])
    expect(ofStates((await call('get_operation', { operation })).data.devices)).toEqual({
      [`P${made}-0`]: 'succeeded',
      [`P${made}-1`]: 'succeeded',
      [`P${made}-2`]: 'cancelled',
      [`P${made}-3`]: 'cancelled',
    })
  })

  it('do not begin for a key that was revoked meanwhile', async () => {
    const devices = await fleet(3)
    for (const device of devices.slice(0, 2)) device.behaviour = 'silent'
    const controller = new AbortController()
    const input = staged(devices)
    const held = await world.invoke(technician, 'deploy_patches', input)
    if (held.status !== 'held') throw new Error(JSON.stringify(held))
    const { operation } = held.hold
    const confirmation = held.hold.confirmation?.token
    const begun = world.server.door.invoke(
      technician,
      'deploy_patches',
      { ...input, confirmation },
      { surface: 'mcp', signal: controller.signal },
    )
    await until(() => devices.slice(0, 2).every((device) => device.received.length === 1))
    await world.sql('update api_keys set deleted_at = now() where id = $1', [key.id])
    const commands = await world.sql<{ id: string; device_id: string }>(
      'select id, device_id from device_commands where operation_id = $1',
      [operation],
    )
    for (const device of devices.slice(0, 2)) {
      device.behaviour = 'installs'
      device.answer(commands.find((command) => command.device_id === device.id)?.id ?? '')
    }
    technician = await world.caller(await world.key(key.userId, ['ai:execute']))
    await reaches(operation, 'stopped')
    controller.abort()
    await begun
    expect((await rolloutOf(operation)).reason).toMatch(/^The credential "key \w+" of .* was revoked/)
    expect(devices.slice(2).flatMap(sentTo)).toEqual([])
    const [denied] = await world.sql<{ body: string }>(
      `select body from audit_entries where tool = 'deploy_patches' and decision = 'denied' and organization_id = $1`,
      [place.id],
    )
    expect(JSON.parse(denied?.body ?? '{}')).toMatchObject({
      channel: 'schedule',
      code: 'unauthenticated',
      credential: { id: key.id },
      details: { operation, stages: ['rest'] },
    })
  })
})

// A view of its own of the package manager's folders is for root only.
describe.runIf(existsSync('/usr/bin/apt-get') && process.getuid?.() === 0)('on this very machine', () => {
  it(
    'the real agent installs a package with apt, and the whole of it is in the audit',
    async () => {
      const apt = new AptRoot()
      apt.install([
        { name: 'breeze-dummy', version: '1.0' },
        { name: 'breeze-broken', version: '1.0' },
      ])
      apt.publish([
        { name: 'breeze-dummy', version: '1.1' },
        { name: 'breeze-broken', version: '1.1', postinst: 'echo "the database is locked" >&2; exit 3' },
      ])
      apt.run('apt-get', 'update')
      const machine = await startAgent(world, place, { mounts: apt.mounts() })
      const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)['v2 pinned to 2026-07-28']
      if (!connect) throw new Error('no such client')
      const client = await connect(key.key)
      try {
        await until(async () => {
          const rows = await world.sql('select from device_updates where device_id = $1', [machine.id])
          return rows.length === 2
        }, PATIENCE_MS)
        const input = { devices: machine.id, when: 'now' }
        const { data: done } = await ask(client, 'deploy_patches', { ...input, updates: 'breeze-dummy' })
        expect(done).toMatchObject({ state: 'finished', devices: [{ id: machine.id, state: 'succeeded' }] })
        expect(apt.run('dpkg-query', '-W', '-f=${Version}', 'breeze-dummy')).toBe('1.1')
        const { data: audit } = await call('query_audit_log', { tool: 'deploy_patches', organization: place.id })
        const told = audit['entries'] as { id: string; decision: string }[]
        expect(told.map(({ decision }) => decision)).toContain('held')
        expect(told.map(({ id }) => id)).toContain(done['audit_entry'])
        const [entry] = await world.sql<{ body: string }>('select body from audit_entries where id = $1', [
          done['audit_entry'],
        ])
        expect(JSON.parse(entry?.body ?? '{}')).toMatchObject({
          actor: { user_id: key.userId },
          credential: { kind: 'api_key', id: key.id },
          decision: 'allowed',
          outcome: 'succeeded',
          details: { confirmation: { applied: 'preview' }, targets: [machine.id] },
        })

        const broken = await ask(client, 'deploy_patches', { ...input, updates: 'breeze-broken' })
        const reason = expect.stringContaining('the database is locked')
        expect(broken.data.devices).toMatchObject([{ id: machine.id, state: 'failed', reason }])
      } finally {
        await client.close()
        await machine.stop()
        apt.close()
      }
    },
    3 * PATIENCE_MS,
  )
})

it('a server that starts goes on where one ended, and sends nothing twice', async () => {
  const devices = await fleet(3)
  const [first] = devices
  if (!first) throw new Error('there are three')
  first.behaviour = 'silent'
  const input = { devices: devices.map(({ id }) => id), when: 'now', soak_minutes: 0, rings: [{ devices: first.id }] }
  const held = await world.invoke(technician, 'deploy_patches', input)
  if (held.status !== 'held') throw new Error(JSON.stringify(held))
  const { operation } = held.hold
  const controller = new AbortController()
  const confirmed = { ...input, confirmation: held.hold.confirmation?.token }
  const options = { surface: 'mcp' as const, signal: controller.signal }
  const begun = world.server.door.invoke(technician, 'deploy_patches', confirmed, options)
  await until(() => first.received.length === 1)
  controller.abort()
  await begun
  await Promise.all(devices.map(({ agent }) => agent.disconnect()))
  await world.stop({ keep: true })
  world = await boot({ previous: world })
  const commandsOf = () =>
    world.sql<{ id: string; device_id: string; type: string }>(
      'select id, device_id, type from device_commands where operation_id = $1 order by id',
      [operation],
    )
  const told = async (type: string, data: unknown) => {
    const command = await until(async () => (await commandsOf()).find((one) => one.type === type))
    const result = { state: 'succeeded' as const, data }
    await world.server.services.commands.recordResult(first.id, command.id, result)
  }
  const results = [{ name: 'openssl', state: 'installed', before: '1', after: '2' }]
  await told('updates.install', { results, rebootPending: false })
  await until(async () => (await commandsOf()).some(({ type }) => type === 'updates.scan'))
  await world.sql(
    `update device_sections set received_at = now(), data = jsonb_set(data, '{updates}', '[]')
     where device_id = $1 and section = 'updates'`,
    [first.id],
  )
  await world.sql(`update devices set status = 'online' where id = any ($1::uuid[])`, [devices.map(({ id }) => id)])
  await told('updates.scan', { pending: 0, listsUpdatedAt: null })
  const sent = async () => (await commandsOf()).map(({ device_id: id, type }) => `${type} ${id}`)
  await until(async () => (await sent()).length === 4)
  expect((await sent()).toSorted()).toEqual(
    [...devices.map(({ id }) => `updates.install ${id}`), `updates.scan ${first.id}`].toSorted(),
  )
})
