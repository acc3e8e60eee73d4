import { createHash } from 'node:crypto'
import type { InventorySections, SectionName } from '@breeze/contract/agent-inventory'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chooseRole } from '../../src/domains/devices/device-roles.ts'
import { Inventory } from '../../src/domains/devices/inventory.ts'
import { bootFleet, type Fleet, type Place, reach, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

type OsData = NonNullable<InventorySections['os']['data']>
const about = { source: 'test', collectedAt: '2027-01-01T00:00:00.000Z' }
const identity = (hostname: string): InventorySections['identity'] => ({
  status: 'ok',
  ...about,
  data: { hostname, machineId: 'm', vendor: null, model: null, serial: null, virtualization: null },
})
const os = (more: Partial<OsData> = {}): InventorySections['os'] => ({
  status: 'ok',
  ...about,
  data: {
    family: 'linux',
    name: 'Debian GNU/Linux 12 (bookworm)',
    version: '12',
    kernel: '6.1',
    architecture: 'x64',
    bootId: 'b',
    bootedAt: '2027-01-01T00:00:00.000Z',
    ...more,
  },
})
const windows = (more: Partial<OsData>) => os({ family: 'windows', version: '10.0', ...more })
const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex')

async function connected(): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place), { hostname: 'first-name' })
  await agent.connect()
  return agent
}
/** Reports and waits until the server holds it. */
async function report(agent: TestAgent, sections: Partial<InventorySections>): Promise<void> {
  const hashes = Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, hashOf(section)]))
  agent.send({ type: 'inventory', sections, hashes })
  await until(async () => {
    const rows = await fleet.sql<{ hash: string }>('select hash from device_sections where device_id = $1', [
      agent.deviceId,
    ])
    return Object.values(hashes).every((hash) => rows.some((row) => row.hash === hash))
  })
}
const details = (id: string, sections: SectionName[] = []) =>
  fleet.db.tenant(reach(place), (tx) => fleet.devices.deviceDetails(tx, id, sections))

test('a heartbeat is answered with the sections that are missing or changed, and with nothing when none is', async () => {
  const agent = await connected()
  const hashes = { identity: hashOf(identity('a')), os: hashOf(os()) }
  agent.heartbeat(hashes)
  expect((await agent.next('send_inventory')).sections).toEqual(['identity', 'os'])
  await report(agent, { identity: identity('a'), os: os() })
  agent.heartbeat(hashes)
  agent.heartbeat({ ...hashes, os: 'changed' })
  expect((await agent.next('send_inventory')).sections).toEqual(['os'])
  await agent.disconnect()
  await agent.connect()
  agent.heartbeat({ ...hashes, disks: 'new' })
  expect((await agent.next('send_inventory')).sections).toEqual(['disks'])
  await agent.disconnect()
})

test('a section that did not come is asked for again, but not at every beat', async () => {
  const agent = await connected()
  for (let beat = 0; beat < 3; beat++) agent.heartbeat({ cpu: 'c1' })
  await agent.next('send_inventory')
  await agent.next('send_inventory')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(agent.has('send_inventory')).toBe(false)
  await agent.disconnect()
})

test('name, operating system and role follow the inventory; a name given by a person stays', async () => {
  const agent = await connected()
  await report(agent, { identity: identity('web-01'), os: os() })
  expect(await details(agent.deviceId)).toMatchObject({
    name: 'web-01',
    os: 'Debian GNU/Linux 12 (bookworm)',
    role: 'server',
  })
  await report(agent, { identity: identity('web-02') })
  expect((await details(agent.deviceId))?.name).toBe('web-02')
  await fleet.sql(`update devices set name = 'Reception' where id = $1`, [agent.deviceId])
  await report(agent, { identity: identity('web-03\u202E') })
  expect((await details(agent.deviceId))?.name).toBe('Reception')
  await agent.disconnect()
})

test('the role of a Windows machine is what Windows says, or what its name says', async () => {
  const agent = await connected()
  const role = async (section: InventorySections['os']) => {
    await report(agent, { os: section })
    return (await details(agent.deviceId))?.role
  }
  expect(await role(windows({ name: 'Windows 11 Pro' }))).toBe('workstation')
  expect(await role(windows({ name: 'Windows Server 2025' }))).toBe('server')
  expect(await role(windows({ name: 'Windows Server 2025', productType: 'domain_controller' }))).toBe(
    'domain_controller',
  )
  expect(await role(windows({ name: 'Windows 11 Pro', productType: 'workstation' }))).toBe('workstation')
  await agent.disconnect()
})

test('services make a server a database or a hypervisor, as long as no person says otherwise', async () => {
  const agent = await connected()
  const service = (name: string, state: 'running' | 'stopped', start: 'automatic' | 'manual' = 'automatic') => ({
    name,
    state,
    start,
    displayName: null,
    manager: 'windows' as const,
    pid: null,
  })
  const told = async (sections: Partial<InventorySections>) => {
    await report(agent, sections)
    return (await fleet.sql('select role, role_source from devices where id = $1', [agent.deviceId]))[0]
  }
  const services = (...data: ReturnType<typeof service>[]) => ({ services: { status: 'ok' as const, ...about, data } })
  const server = windows({ name: 'Windows Server 2022', productType: 'server' })
  expect(await told(services(service('MSSQLSERVER', 'running')))).toEqual({ role: 'unknown', role_source: null })
  expect(await told({ os: server })).toEqual({ role: 'database', role_source: 'services' })
  expect(await told(services(service('MSSQLSERVER', 'stopped'), service('vmms', 'stopped', 'manual')))).toEqual({
    role: 'database',
    role_source: 'services',
  })
  // Nobody could read them this time: what was last known still holds.
  expect(await told({ services: { status: 'timeout', ...about } })).toMatchObject({ role: 'database' })
  expect(await told(services(service('vmms', 'running')))).toEqual({ role: 'hypervisor', role_source: 'services' })
  await fleet.db.tenant(reach(place), (tx) => chooseRole(tx, [agent.deviceId], 'workstation'))
  expect(await told(services(service('MSSQLSERVER', 'running')))).toEqual({
    role: 'workstation',
    role_source: 'person',
  })
  await fleet.db.tenant(reach(place), (tx) => chooseRole(tx, [agent.deviceId], null))
  expect(await told({})).toEqual({ role: 'database', role_source: 'services' })
  const elsewhere = await fleet.place()
  expect(await fleet.db.tenant(reach(elsewhere), (tx) => chooseRole(tx, [agent.deviceId], 'server'))).toEqual([])
  await agent.disconnect()
})

test('a section that could not be read says why and claims no value', async () => {
  const agent = await connected()
  await report(agent, { disks: { status: 'ok', ...about, data: [] } })
  await report(agent, { disks: { status: 'no_permission', ...about, detail: 'df: permission denied' } })
  const found = await details(agent.deviceId, ['disks'])
  expect(found?.sections).toMatchObject([
    { name: 'disks', status: 'no_permission', detail: 'df: permission denied', data: null },
  ])
  await agent.disconnect()
})

test('heartbeat values are shown as the device told them, with the skew of its clock', async () => {
  const agent = await connected()
  agent.heartbeat()
  const found = await until(async () => {
    await fleet.presence.flush()
    const found = await details(agent.deviceId)
    return found?.heartbeat?.cpuPercent === 3 && found
  })
  expect(found.heartbeat).toMatchObject({ bootId: 'boot-1', uptimeSeconds: 12.5, memoryPercent: 40 })
  expect(Math.abs(found.heartbeat?.clockSkewMs ?? 99_999)).toBeLessThan(2000)
  await agent.disconnect()
})

test('asks a new fleet for its sections in turn, not all at once', async () => {
  const now = { ms: 1_800_000_000_000 }
  const inventory = new Inventory({ db: fleet.db, events: fleet.events, now: () => new Date(now.ms) })
  const asked = Array.from({ length: 1000 }, () => inventory.mayAsk()).filter(Boolean).length
  expect(asked).toBe(200)
  now.ms += 1000
  expect(inventory.mayAsk()).toBe(true)
})
