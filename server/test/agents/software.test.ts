import type { InventorySections, SoftwareDelta, SoftwareItem } from '@breeze/contract/agent-inventory'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootFleet, type Fleet, type Place, reach, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

const at = '2027-01-01T00:00:00.000Z'
const item = (name: string, version = '1', more: Partial<SoftwareItem> = {}): SoftwareItem => ({
  source: 'dpkg',
  name,
  version,
  architecture: 'amd64',
  ...more,
})
const section = (data: SoftwareItem[]): InventorySections['software'] => ({
  status: 'ok',
  source: 'dpkg-query',
  collectedAt: at,
  data,
})
const delta = (base: string, hash: string, more: Partial<SoftwareDelta>): SoftwareDelta => ({
  base,
  hash,
  source: 'dpkg-query',
  collectedAt: '2027-01-02T00:00:00.000Z',
  upserts: [],
  removed: [],
  ...more,
})

async function connected(at = place): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(at))
  await agent.connect()
  return agent
}
const whole = (agent: TestAgent, data: SoftwareItem[], hash: string) =>
  agent.send({ type: 'inventory', sections: { software: section(data) }, hashes: { software: hash } })
const change = (agent: TestAgent, softwareDelta: SoftwareDelta) =>
  agent.send({ type: 'inventory', sections: {}, hashes: {}, softwareDelta })
const holds = async (agent: TestAgent, hash: string) => {
  await until(async () => {
    const text = `select 1 from device_sections where device_id = $1 and section = 'software' and hash = $2`
    return (await fleet.sql(text, [agent.deviceId, hash])).length === 1
  })
}
const rowsOf = (agent: TestAgent) =>
  fleet.sql<{ name: string; version: string; xmin: string }>(
    'select name, version, xmin::text from device_software where device_id = $1 order by name',
    [agent.deviceId],
  )
const versions = async (agent: TestAgent) => (await rowsOf(agent)).map(({ name, version }) => `${name} ${version}`)
const read = (agent: TestAgent, page = {}, at = place) =>
  fleet.db.tenant(reach(at), (tx) => fleet.devices.software(tx, agent.deviceId, { limit: 25, ...page }))

test('a whole list becomes rows and a count, and of the next one only what differs is written', async () => {
  const agent = await connected()
  whole(agent, [item('bash', '5.2'), item('curl', '8.0'), item('vim', '9.0')], 'h1')
  await holds(agent, 'h1')
  const before = new Map((await rowsOf(agent)).map((row) => [row.name, row.xmin]))
  whole(agent, [item('bash', '5.2'), item('curl', '8.1'), item('nano', '7.2')], 'h2')
  await holds(agent, 'h2')
  const after = await rowsOf(agent)
  expect(after.map(({ name, version }) => `${name} ${version}`)).toEqual(['bash 5.2', 'curl 8.1', 'nano 7.2'])
  expect(after[0]?.xmin).toBe(before.get('bash'))
  expect(after[1]?.xmin).not.toBe(before.get('curl'))
  const [row] = await fleet.sql(`select data from device_sections where device_id = $1 and section = 'software'`, [
    agent.deviceId,
  ])
  expect(row).toEqual({ data: { count: 3 } })
  whole(agent, [], 'h3')
  await holds(agent, 'h3')
  expect(await rowsOf(agent)).toEqual([])
  await agent.disconnect()
})

test('a delta is applied to the content it was made for, and a later heartbeat asks for nothing', async () => {
  const agent = await connected()
  whole(agent, [item('bash', '5.2'), item('curl', '8.0'), item('vim', '9.0')], 'h1')
  change(
    agent,
    delta('h1', 'h2', {
      upserts: [item('curl', '8.1'), item('zsh', '5.9')],
      removed: [item('vim'), item('never-there')],
    }),
  )
  change(agent, delta('h2', 'h3', { removed: [item('bash')], upserts: [item('bash', '5.3')] }))
  await holds(agent, 'h3')
  expect(await versions(agent)).toEqual(['bash 5.3', 'curl 8.1', 'zsh 5.9'])
  const [row] = await fleet.sql(
    `select data, source, collected_at from device_sections where device_id = $1 and section = 'software'`,
    [agent.deviceId],
  )
  expect(row).toEqual({ data: { count: 3 }, source: 'dpkg-query', collected_at: new Date('2027-01-02T00:00:00.000Z') })
  agent.heartbeat({ software: 'h3' })
  agent.heartbeat({ software: 'h4' })
  expect(await agent.next('send_inventory')).toEqual({ type: 'send_inventory', sections: ['software'] })
  expect(agent.has('send_inventory')).toBe(false)
  await agent.disconnect()
})

test('a delta that does not fit changes nothing, and the whole list is asked for', async () => {
  const agent = await connected()
  change(agent, delta('h0', 'h1', { upserts: [item('bash')] }))
  const asked = { type: 'send_inventory', sections: ['software'], whole: ['software'] }
  expect(await agent.next('send_inventory')).toEqual(asked)
  whole(agent, [item('bash')], 'h1')
  await holds(agent, 'h1')
  change(agent, delta('another', 'h2', { removed: [item('bash')] }))
  expect(await agent.next('send_inventory')).toEqual(asked)
  expect(await versions(agent)).toEqual(['bash 1'])
  agent.send({
    type: 'inventory',
    sections: { software: { status: 'timeout', source: 'dpkg-query', collectedAt: at } },
    hashes: { software: 'h3' },
  })
  await holds(agent, 'h3')
  expect(await read(agent)).toMatchObject({ status: 'timeout', items: [], total: 0 })
  change(agent, delta('h3', 'h4', { upserts: [item('x')] }))
  expect(await agent.next('send_inventory')).toEqual(asked)
  await agent.disconnect()
})

test('a list and a delta that name things twice, absurdly or invisibly are stored plainly', async () => {
  const agent = await connected()
  whole(
    agent,
    [
      item('twice', '1'),
      item('twice', '2', { installedAt: '0001-01-01T00:00:00Z', sizeBytes: Number.MAX_SAFE_INTEGER }),
      item('line\nbreak\u202e and\u0000 more', '1\n2', { publisher: '\u0007', installedAt: '2026-05-01T00:00:00Z' }),
      item('\u200b\n', '1'),
      item('x'.repeat(300), 'y'.repeat(200), { architecture: 'z'.repeat(40), publisher: '\u{1F600}'.repeat(100) }),
    ],
    'h1',
  )
  await holds(agent, 'h1')
  expect((await read(agent)).items).toMatchObject([
    { name: 'line break and\ufffd more', version: '1 2', publisher: null, installedAt: '2026-05-01T00:00:00.000Z' },
    { name: 'twice', version: '2', installedAt: null, sizeBytes: Number.MAX_SAFE_INTEGER },
    { name: 'x'.repeat(300) },
  ])
  change(
    agent,
    delta('h1', 'h2', { collectedAt: '9999-12-31T00:00:00Z', removed: [item('line\n\nbreak\u202e and\u0000 more')] }),
  )
  await holds(agent, 'h2')
  expect((await read(agent)).total).toBe(2)
  await agent.disconnect()
})

test('20,000 packages are stored, and a device can not grow beyond them by deltas', async () => {
  const agent = await connected()
  const many = (prefix: string, n: number) => Array.from({ length: n }, (_, index) => item(`${prefix}-${index}`))
  whole(agent, many('a', 20_000), 'h1')
  await holds(agent, 'h1')
  expect((await read(agent)).total).toBe(20_000)
  change(agent, delta('h1', 'h2', { upserts: many('b', 1) }))
  expect(await agent.next('send_inventory')).toMatchObject({ whole: ['software'] })
  expect((await read(agent)).total).toBe(20_000)
  whole(agent, many('a', 20_001), 'h3')
  expect(await agent.closed).toBe(4003)
})

test('a list is read by pages, by text, and by nobody of another organization', async () => {
  const agent = await connected()
  const elsewhere = await fleet.place()
  const names = ['alpha', 'beta', '100%_sure', 'gamma', 'delta']
  whole(agent, [...names.map((name) => item(name)), item('beta', '1', { architecture: 'i386' })], 'h1')
  await holds(agent, 'h1')
  const seen: string[] = []
  let cursor: string | null | undefined
  do {
    const page = await read(agent, { limit: 2, ...(cursor && { cursor }) })
    expect(page).toMatchObject({ status: 'ok', total: 6, collectedAt: at })
    seen.push(...page.items.map((one) => one.name))
    cursor = page.cursor
  } while (cursor)
  expect(seen).toEqual([...names, 'beta'].toSorted())
  expect((await read(agent, { text: 'LPHA' })).items).toMatchObject([{ name: 'alpha' }])
  expect((await read(agent, { text: '%_' })).items).toMatchObject([{ name: '100%_sure' }])
  await expect(read(agent, { cursor: 'x' })).rejects.toMatchObject({ code: 'invalid_input' })
  expect(await read(agent, {}, elsewhere)).toMatchObject({ status: null, items: [], total: 0 })
  await agent.disconnect()
})
