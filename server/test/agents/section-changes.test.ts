import type { InventorySections, ServiceItem, SoftwareDelta, SoftwareItem } from '@breeze/contract/agent-inventory'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InventoryReport } from '../../src/domains/devices/inventory.ts'
import type { SectionChange } from '../../src/domains/devices/section-changes.ts'
import { bootFleet, type Fleet, type Place, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let told: SectionChange[] = []
let deviceId = ''
beforeAll(async () => {
  fleet = await bootFleet({ changed: (changes) => told.push(...changes) })
  place = await fleet.place()
})
afterAll(() => fleet.stop())
beforeEach(async () => {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  deviceId = agent.deviceId
  told = []
})

const first = '2026-05-01T00:00:00.000Z'
const second = '2026-05-02T00:00:00.000Z'
const service = (name: string, state: ServiceItem['state']): ServiceItem => ({
  name,
  displayName: null,
  state,
  start: 'automatic',
  manager: 'systemd',
  pid: null,
})
const services = (collectedAt: string, ...data: ServiceItem[]): InventorySections['services'] => ({
  status: 'ok',
  source: 'test',
  collectedAt,
  data,
})
const failed = { status: 'timeout' as const, source: 'test', collectedAt: second, detail: 'no answer' }
const item = (name: string, version: string): SoftwareItem => ({ source: 'dpkg', name, version, architecture: 'amd64' })
const software = (...data: SoftwareItem[]): InventorySections['software'] => ({
  status: 'ok',
  source: 'test',
  collectedAt: first,
  data,
})
const key = { source: 'dpkg', architecture: 'amd64' }

const report = (sections: InventoryReport['sections'], hash: string, softwareDelta?: SoftwareDelta) =>
  fleet.inventory.record({
    deviceId,
    sections,
    hashes: Object.fromEntries(Object.keys(sections).map((name) => [name, hash])),
    softwareDelta,
  })
const stored = (section: string) =>
  fleet.sql<{ version: number; data: unknown }>(
    'select version, data from device_sections where device_id = $1 and section = $2',
    [deviceId, section],
  )

test('a change is told with what was there before and what is there now, and the same content is none', async () => {
  const up = services(first, service('cron', 'running'))
  const down = services(second, service('cron', 'stopped'))
  await report({ services: up }, 'a')
  await report({ services: up }, 'a')
  await report({ services: down }, 'b')
  expect(told).toEqual([
    { deviceId, section: 'services', before: null, after: content(up) },
    { deviceId, section: 'services', before: content(up), after: content(down) },
  ])
  expect(await stored('services')).toMatchObject([{ version: 2 }])
})

test('what was last known is what a change is told from, also after a failed attempt to read', async () => {
  const before = services(first, service('cron', 'running'))
  await report({ services: before }, 'a')
  await report({ services: failed }, 'b')
  await report({ services: { ...failed, status: 'error' } }, 'c')
  expect(await stored('services')).toEqual([{ version: 3, data: null }])
  await report({ services: services(second, service('cron', 'stopped')) }, 'd')
  expect(told.at(-1)).toMatchObject({ before: { status: 'error', data: before.data }, after: { status: 'ok' } })
})

test('of sections that nobody compares, the content before is not read', async () => {
  const capabilities = { status: 'ok' as const, source: 'test', collectedAt: first, data: [] }
  await report({ capabilities }, 'a')
  await report({ capabilities }, 'b')
  expect(told[1]?.before).toEqual({ status: 'ok', collectedAt: new Date(first) })
})

test('of software it is told which packages were added, removed and updated', async () => {
  await report({ software: software(item('bash', '1'), item('curl', '1'), item('vim', '1')) }, 'a')
  await report({ software: software(item('bash', '2'), item('curl', '1'), item('nano', '1')) }, 'b')
  expect(told[0]).not.toHaveProperty('software')
  expect(told[1]?.software).toEqual({
    added: [{ ...key, name: 'nano', version: '1' }],
    removed: [{ ...key, name: 'vim', version: '1' }],
    updated: [{ ...key, name: 'bash', from: '1', to: '2' }],
  })
  const upserts = [item('bash', '3'), item('vim', '2'), item('curl', '1')]
  const removed = [{ ...key, name: 'curl' } as SoftwareItem, { ...key, name: 'nano' } as SoftwareItem]
  await report({}, '', { base: 'b', hash: 'c', source: 'test', collectedAt: second, upserts, removed })
  expect(told[2]).toEqual({
    deviceId,
    section: 'software',
    before: { status: 'ok', collectedAt: new Date(first) },
    after: { status: 'ok', collectedAt: new Date(second) },
    software: {
      added: [{ ...key, name: 'vim', version: '2' }],
      removed: [{ ...key, name: 'nano', version: '1' }],
      updated: [{ ...key, name: 'bash', from: '2', to: '3' }],
    },
  })
  expect(await stored('software')).toEqual([{ version: 3, data: { count: 3 } }])
})

test('the first list of packages after a failure to read one is compared with none', async () => {
  await report({ software: failed }, 'a')
  await report({ software: software(item('bash', '1')) }, 'b')
  expect(told[1]?.software).toEqual({ added: [], removed: [], updated: [] })
})

test('content that does not come for five heartbeats outdates what is stored, until it comes or is again what it was', async () => {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  deviceId = agent.deviceId
  await report({ services: services(first, service('cron', 'running')) }, 'held')
  await agent.connect()
  const isOutdated = async () => {
    const rows = await fleet.sql<{ outdated: boolean }>(
      'select outdated_since is not null as outdated from device_sections where device_id = $1',
      [deviceId],
    )
    return rows[0]?.outdated
  }
  for (let beat = 0; beat < 5; beat++) agent.heartbeat({ services: 'other' })
  await until(isOutdated)
  agent.heartbeat({ services: 'held' })
  await until(async () => (await isOutdated()) === false)
  // A section that is not told of any more is not confirmed either.
  for (let beat = 0; beat < 5; beat++) agent.heartbeat({})
  await until(isOutdated)
  await agent.disconnect()
  await agent.connect()
  agent.heartbeat({ services: 'held' })
  await until(async () => (await isOutdated()) === false)
  await agent.disconnect()
})

const content = ({ status, collectedAt, data }: NonNullable<InventoryReport['sections']['services']>) => ({
  status,
  collectedAt: new Date(collectedAt),
  data,
})
