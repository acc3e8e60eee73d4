/** What a heartbeat and a goodbye tell beside "I am there": written when it changes, and only then. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootFleet, type Fleet, type Place, until } from './fleet.ts'
import { TestAgent, type Transport, TRANSPORTS } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet({ timers: false })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function connected(transport: Transport = 'web socket'): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url, transport)
  await agent.enroll(await fleet.token(place))
  await agent.connect()
  return agent
}

const rowOf = async (agent: TestAgent) => {
  await fleet.presence.flush()
  const [row] = await fleet.sql<{ conditions: string[]; status: string; written: string; skew: number | null }>(
    `select d.conditions, d.status, d.xmin::text as written, p.clock_skew_ms as skew
     from devices d left join device_presence p on p.device_id = d.id where d.id = $1`,
    [agent.deviceId],
  )
  return row
}
let beats = 0
/** Answered, so taken. */
async function beat(agent: TestAgent, more: Parameters<TestAgent['heartbeat']>[1]): Promise<void> {
  agent.heartbeat({ os: `hash ${++beats}` }, more)
  await agent.next('send_inventory')
}
const offBy = (seconds: number) => ({ sentAt: new Date(Date.now() + seconds * 1000).toISOString() })

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('a clock that is off by more than five minutes is told, until it is clearly right again', async () => {
    const agent = await connected(transport)
    for (const [seconds, expected] of [
      [200, []],
      [290, []],
      [-400, ['clock_skewed']],
      [280, ['clock_skewed']],
      [100, []],
      [86_400 * 365, ['clock_skewed']],
      [0, []],
    ] as const) {
      await beat(agent, offBy(seconds))
      expect([seconds, (await rowOf(agent))?.conditions]).toEqual([seconds, expected])
    }
    await agent.disconnect()
  })

  test('a pending restart is told; a device that can not tell changes nothing', async () => {
    const agent = await connected(transport)
    for (const [rebootPending, expected] of [
      [null, []],
      [true, ['reboot_pending']],
      [null, ['reboot_pending']],
      [false, []],
    ] as const) {
      await beat(agent, { rebootPending })
      expect((await rowOf(agent))?.conditions).toEqual(expected)
    }
    await agent.disconnect()
  })

  test.each(['shutdown', 'reboot', 'sleep', 'stop', 'update'] as const)(
    'goodbye for %s is no alarm, and is over with the next word',
    async (reason) => {
      const agent = await connected(transport)
      agent.send({ type: 'goodbye', reason })
      await until(async () => (await rowOf(agent))?.status === 'offline')
      expect((await rowOf(agent))?.conditions).toEqual(['shutdown_expected'])
      await agent.connect()
      expect(await rowOf(agent)).toMatchObject({ status: 'online', conditions: [] })
      await agent.disconnect()
    },
  )

  test('an agent that was uninstalled is told, until it is back', async () => {
    const agent = await connected(transport)
    agent.send({ type: 'goodbye', reason: 'uninstall' })
    await until(async () => (await rowOf(agent))?.conditions.includes('uninstalled'))
    expect((await rowOf(agent))?.conditions.toSorted()).toEqual(['shutdown_expected', 'uninstalled'])
    await agent.connect()
    expect((await rowOf(agent))?.conditions).toEqual([])
    await agent.disconnect()
  })
})

test('a condition that lasts is written once, and survives a new connection', async () => {
  const agent = await connected()
  await beat(agent, { rebootPending: true })
  const first = await rowOf(agent)
  for (let time = 0; time < 3; time++) await beat(agent, { rebootPending: true })
  expect(await rowOf(agent)).toMatchObject({ written: first?.written, conditions: ['reboot_pending'] })
  await agent.connect()
  await beat(agent, { rebootPending: true })
  await beat(agent, { rebootPending: false })
  expect((await rowOf(agent))?.conditions).toEqual([])
  await agent.disconnect()
})

test('conditions that others set stay', async () => {
  const agent = await connected()
  await fleet.sql(`update devices set conditions = '{duplicate_machine,quarantined}' where id = $1`, [agent.deviceId])
  await beat(agent, { rebootPending: true })
  expect((await rowOf(agent))?.conditions.toSorted()).toEqual(['duplicate_machine', 'quarantined', 'reboot_pending'])
  await agent.disconnect()
})
