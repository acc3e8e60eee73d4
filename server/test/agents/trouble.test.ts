/** When the server's own side is in trouble, or the peer means harm: over both transports alike. */
import { CLOSE } from '@breeze/contract/agent-protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootFleet, echo, type Fleet, type Place, until } from './fleet.ts'
import { TestAgent, type Transport, TRANSPORTS } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function enrolled(transport: Transport): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url, transport)
  await agent.enroll(await fleet.token(place))
  return agent
}

/** Every statement on devices fails, as if the database had gone. */
async function withoutDevices(work: () => Promise<void>): Promise<void> {
  await fleet.sql('alter table devices rename to devices_away')
  try {
    await work()
  } finally {
    await fleet.sql('alter table devices_away rename to devices')
  }
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('while the database is away, agents are told when to return and lose nothing', async () => {
    const agent = await enrolled(transport)
    await withoutDevices(async () => {
      agent.open()
      agent.send(agent.hello((await agent.next('challenge')).nonce))
      const error = await agent.next('error')
      expect(error.code).toBe('unavailable')
      expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(5)
      expect(await agent.closed).toBe(CLOSE.draining)
    })
    await agent.connect()
    await agent.disconnect()
  })

  test('a result that could not be written is not acknowledged, and is taken after the reconnect', async () => {
    const agent = await enrolled(transport)
    await agent.connect()
    const { ids } = await fleet.queue(place, [agent.deviceId])
    const { payload } = await agent.nextCommand()
    await fleet.sql('alter table device_commands rename to commands_away')
    agent.result(payload.commandId)
    expect((await agent.next('error')).code).toBe('unavailable')
    expect(await agent.closed).toBe(CLOSE.draining)
    expect(agent.has('result_recorded')).toBe(false)
    await fleet.sql('alter table commands_away rename to device_commands')
    await agent.connect()
    expect((await agent.nextCommand()).payload.commandId).toBe(ids[0])
    agent.result(payload.commandId)
    await agent.next('result_recorded')
    await agent.disconnect()
  })

  test('what a device says of another one changes nothing', async () => {
    const [one, other] = [await enrolled(transport), await enrolled(transport)]
    await one.connect()
    await other.connect()
    const { ids } = await fleet.queue(place, [one.deviceId])
    const { payload } = await one.nextCommand()
    other.send({ type: 'accepted', commandId: payload.commandId })
    other.send({ type: 'started', commandId: payload.commandId, startedAt: new Date().toISOString() })
    other.send({ type: 'output', commandId: payload.commandId, sequence: 0, text: 'forged' })
    other.result(payload.commandId, { output: 'forged' })
    expect((await other.next('error')).code).toBe('unknown_command')
    const [row] = await fleet.sql<{ state: string }>('select state from device_commands where id = $1', [ids[0]])
    expect(row?.state).toBe('delivered')
    expect(await fleet.sql('select from device_command_output where command_id = $1', [ids[0]])).toEqual([])
    await one.disconnect()
    await other.disconnect()
  })

  test('a reader that never reads loses its connection and no command', async () => {
    const agent = await enrolled(transport)
    await agent.connect()
    if (transport === 'polling') agent.poll?.stopReading()
    else agent.socket?.pause()
    const before = fleet.hub.connected
    const commands: string[] = []
    // 200 kB each: about as much as a connection may hold back, and then some for what the system buffers.
    await until(async () => {
      const { ids } = await fleet.queue(place, Array(20).fill(agent.deviceId), echo('x'.repeat(190_000)))
      commands.push(...ids)
      return fleet.hub.connected < before
    }, 60_000)
    agent.poll?.abandon()
    agent.socket?.terminate()
    const [row] = await fleet.sql<{ n: number }>(
      `select count(*)::int as n from device_commands where id = any ($1) and state in ('queued', 'delivered')`,
      [commands],
    )
    expect(row?.n).toBe(commands.length)
    await fleet.sql(`update device_commands set state = 'cancelled' where id = any ($1)`, [commands])
  }, 90_000)
})
