import type { EventEntry } from '@breeze/contract/agent-events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootFleet, type Fleet, type Place, reach } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let agent: TestAgent
let clock = Date.UTC(2027, 0, 1)
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock), timers: false })
  place = await fleet.place()
  agent = await connected()
})
afterAll(() => fleet.stop())

async function connected(): Promise<TestAgent> {
  const device = new TestAgent(fleet.url)
  await device.enroll(await fleet.token(place))
  await device.connect()
  return device
}

const entry = (more: Partial<EventEntry> = {}): EventEntry => ({
  watchId: 'failed_sign_ins',
  log: 'security',
  at: new Date(clock).toISOString(),
  source: '/var/log/auth.log',
  program: 'sshd',
  level: 'info',
  text: 'Failed password for root from 192.0.2.7 port 50022 ssh2',
  user: 'root',
  address: '192.0.2.7',
  ...more,
})

async function send(from: TestAgent, sequence: number, entries: EventEntry[]): Promise<void> {
  from.send({ type: 'events', sequence, entries })
  expect(await from.next('events_recorded')).toEqual({ type: 'events_recorded', sequence })
}
const latest = (of: TestAgent, search: { log: string; text?: string; level?: 'error'; since?: Date; limit?: number }) =>
  fleet.db.tenant(reach(place), (tx) => fleet.eventLogs.latest(tx, of.deviceId, { limit: 50, ...search }))

test('entries are durable before they are acknowledged, and told once', async () => {
  await send(agent, 7, [entry(), entry({ count: 12, text: 'the last of a dozen' })])
  expect(fleet.logged).toHaveLength(1)
  expect(fleet.logged[0]).toMatchObject({
    deviceId: agent.deviceId,
    entries: [
      { watchId: 'failed_sign_ins', at: new Date(clock), user: 'root', address: '192.0.2.7', count: 1 },
      { count: 12 },
    ],
  })
  // The answer was lost: they come again.
  await send(agent, 7, [entry(), entry({ count: 12, text: 'the last of a dozen' })])
  expect(fleet.logged).toHaveLength(1)
  const found = await latest(agent, { log: 'security' })
  expect(found.entries.map(({ message }) => message)).toContain('the last of a dozen (and 11 more)')
  expect(found.entries).toHaveLength(2)
})

test('what a device with a wrong clock tells happened now, or thirty days ago at most', async () => {
  await send(agent, 8, [
    entry({ log: 'clock', at: '2190-01-01T00:00:00Z', text: 'to come' }),
    entry({ log: 'clock', at: '0000-01-01T00:00:00Z', text: 'absurd' }),
    entry({ log: 'clock', at: '2020-01-01T00:00:00Z', text: 'old' }),
  ])
  const { entries } = await latest(agent, { log: 'clock' })
  const now = new Date(clock).toISOString()
  const times = Object.fromEntries(entries.map(({ at, message }) => [message, at]))
  expect(times).toMatchObject({ 'to come': now, absurd: now, old: new Date(clock - 30 * 86_400_000).toISOString() })
})

test('the newest five hundred of a device are kept, for thirty days', async () => {
  const noisy = await connected()
  for (let batch = 1; batch <= 4; batch++) {
    const entries = Array.from({ length: 150 }, (_, index) => entry({ text: `entry ${batch}-${index}` }))
    await send(noisy, batch, entries)
  }
  const count = async () =>
    fleet.sql<{ n: number; first: string }>(
      `select count(*)::int as n, (array_agg(message order by sequence, position))[1] as first from device_events where device_id = $1`,
      [noisy.deviceId],
    )
  expect(await count()).toEqual([{ n: 500, first: 'entry 1-100' }])
  clock += 29 * 86_400_000
  await fleet.eventLogs.forget()
  expect(await count()).toMatchObject([{ n: 500 }])
  clock += 2 * 86_400_000
  await fleet.eventLogs.forget()
  expect(await count()).toMatchObject([{ n: 0 }])
})

test('searched by log, level, text and time, and only by who may see the device', async () => {
  const device = await connected()
  await send(device, 1, [
    entry({ log: 'system', level: 'error', text: 'Disk FAILURE 100%' }),
    entry({ log: 'system', level: 'warning', text: 'disk is warm' }),
    entry({ log: 'system', level: null, text: 'no level', at: new Date(clock - 60_000).toISOString() }),
  ])
  const messages = async (search: Parameters<typeof latest>[1]) =>
    (await latest(device, search)).entries.map(({ message }) => message)
  expect(await messages({ log: 'system' })).toHaveLength(3)
  expect(await messages({ log: 'security' })).toEqual([])
  expect(await messages({ log: 'system', level: 'error' })).toEqual(['Disk FAILURE 100%'])
  expect(await messages({ log: 'system', text: 'failure 100%' })).toEqual(['Disk FAILURE 100%'])
  expect(await messages({ log: 'system', text: '%' })).toEqual(['Disk FAILURE 100%'])
  expect(await messages({ log: 'system', since: new Date(clock - 1000) })).toHaveLength(2)
  expect(await latest(device, { log: 'system', limit: 2 })).toMatchObject({ more: true })
  const other = await fleet.place()
  const seen = await fleet.db.tenant(reach(other), (tx) =>
    fleet.eventLogs.latest(tx, device.deviceId, { log: 'system', limit: 50 }),
  )
  expect(seen).toEqual({ entries: [], more: false, lastReceivedAt: null })
})
