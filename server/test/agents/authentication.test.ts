import { request } from 'node:http'
import { MAX_FRAME_BYTES } from '@breeze/contract/agent-commands'
import { CLOSE } from '@breeze/contract/agent-protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootFleet, type Fleet, newId, type Place, until } from './fleet.ts'
import { TestAgent, type Transport, TRANSPORTS } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet({ challengeMs: 400, maxUnauthenticated: 5 })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function enrolled(transport: Transport): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url, transport)
  await agent.enroll(await fleet.token(place))
  return agent
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('a device that proves its key is welcomed and shown as online at once', async () => {
    const agent = await enrolled(transport)
    agent.open()
    const { nonce } = await agent.next('challenge')
    agent.send(agent.hello(nonce, { agentVersion: '2.0.0' }))
    const welcome = await agent.next('welcome')
    expect(welcome.heartbeatSeconds).toBe(60)
    expect(welcome.serverKeys).toEqual(fleet.keys.commands.published)
    const row = await until(async () => {
      const [row] = await fleet.sql<{ status: string; agent_version: string }>(
        'select status, agent_version from devices where id = $1',
        [agent.deviceId],
      )
      return row?.status === 'online' && row
    }, 1000)
    expect(row.agent_version).toBe('2.0.0')
    await agent.disconnect()
  })

  test('a signature by another key is refused', async () => {
    const agent = await enrolled(transport)
    const thief = new TestAgent(fleet.url, transport)
    thief.open()
    const { nonce } = await thief.next('challenge')
    thief.send(thief.hello(nonce, { deviceId: agent.deviceId }))
    expect((await thief.next('error')).code).toBe('authentication_failed')
    expect(await thief.closed).toBe(CLOSE.authenticationFailed)
  })

  test('a valid key speaks only for its own device', async () => {
    const [one, other] = [await enrolled(transport), await enrolled(transport)]
    one.open()
    const { nonce } = await one.next('challenge')
    one.send({ ...one.hello(nonce), deviceId: other.deviceId })
    expect(await one.closed).toBe(CLOSE.authenticationFailed)
  })

  test('an answer to an earlier nonce is refused', async () => {
    const agent = await enrolled(transport)
    agent.open()
    const recorded = agent.hello((await agent.next('challenge')).nonce)
    agent.send(recorded)
    await agent.next('welcome')
    await agent.disconnect()
    agent.open()
    await agent.next('challenge')
    agent.send(recorded)
    expect(await agent.closed).toBe(CLOSE.authenticationFailed)
  })

  test('devices never enrolled or removed are told that they are unknown', async () => {
    const stranger = new TestAgent(fleet.url, transport)
    stranger.open()
    stranger.send(stranger.hello((await stranger.next('challenge')).nonce, { deviceId: newId() }))
    expect(await stranger.closed).toBe(CLOSE.unknownDevice)
    const removed = await enrolled(transport)
    await removed.connect()
    await fleet.sql('update devices set removed_at = now() where id = $1', [removed.deviceId])
    fleet.hub.disconnect(removed.deviceId)
    expect(await removed.closed).toBe(CLOSE.unknownDevice)
    removed.open()
    removed.send(removed.hello((await removed.next('challenge')).nonce))
    expect(await removed.closed).toBe(CLOSE.unknownDevice)
  })

  test('a challenge left unanswered closes the connection', async () => {
    const silent = new TestAgent(fleet.url, transport)
    silent.open()
    await silent.next('challenge')
    expect(await silent.closed).toBe(CLOSE.draining)
  })

  test('another protocol version, a second hello and a frame before the welcome are protocol errors', async () => {
    const agent = await enrolled(transport)
    agent.open()
    agent.send(agent.hello((await agent.next('challenge')).nonce, { protocol: 9 }))
    expect((await agent.next('error')).code).toBe('unsupported_protocol')
    expect(await agent.closed).toBe(CLOSE.protocolError)
    await agent.connect()
    agent.send(agent.hello('again'))
    expect(await agent.closed).toBe(CLOSE.protocolError)
    agent.open()
    await agent.next('challenge')
    agent.heartbeat()
    expect(await agent.closed).toBe(CLOSE.protocolError)
  })

  test('a second connection of a device replaces the first', async () => {
    const agent = await enrolled(transport)
    await agent.connect()
    const first = agent.closed
    await agent.connect()
    expect(await first).toBe(CLOSE.replaced)
    agent.heartbeat({ os: 'h1' })
    expect((await agent.next('send_inventory')).sections).toEqual(['os'])
    await agent.disconnect()
  })

  test('a flood of frames is slowed down, and none is lost', async () => {
    const agent = await enrolled(transport)
    await agent.connect()
    const { ids } = await fleet.queue(place, [agent.deviceId])
    for (let beat = 0; beat < 560; beat++) agent.heartbeat()
    agent.result(ids[0] ?? '')
    expect((await agent.next('result_recorded')).commandId).toBe(ids[0])
    await agent.disconnect()
  })

  test('a stopping server sends its agents away with a time to return', async () => {
    const other = await bootFleet()
    const at = await other.place()
    const agents = [new TestAgent(other.url, transport), new TestAgent(other.url, transport)]
    for (const agent of agents) {
      await agent.enroll(await other.token(at))
      await agent.connect()
    }
    await other.stop()
    for (const agent of agents) {
      const error = await agent.next('error')
      expect(error.code).toBe('draining')
      expect(error.retryAfterSeconds).toBeLessThanOrEqual(1)
      expect(await agent.closed).toBe(CLOSE.draining)
    }
  })
})

test('frames that are not of the protocol close the connection', async () => {
  const agent = await enrolled('web socket')
  for (const bad of ['not json', '{"type":"sudo"}', Buffer.from('{"type":"goodbye","reason":"stop"}')]) {
    await agent.connect()
    agent.socket?.send(bad)
    expect(await agent.closed).toBe(CLOSE.protocolError)
  }
  await agent.connect()
  agent.socket?.send('x'.repeat(MAX_FRAME_BYTES + 1))
  expect(await agent.closed).toBe(1009)
})

test('whoever has proven nothing may send next to nothing', async () => {
  const agent = await enrolled('web socket')
  agent.open()
  await agent.next('challenge')
  agent.socket?.send('x'.repeat(100_000))
  expect(await agent.closed).not.toBe(1000)
})

test('more unproven connections than allowed wait for their turn, and nobody is sent away', async () => {
  await until(() => fleet.hub.unauthenticated === 0)
  const late = await enrolled('web socket')
  const idle = Array.from({ length: 5 }, () => new TestAgent(fleet.url))
  for (const agent of idle) agent.open()
  await Promise.all(idle.map((agent) => agent.next('challenge')))
  const connecting = late.connect()
  await until(() => fleet.hub.waiting === 1)
  expect(fleet.hub.unauthenticated).toBe(5)
  await Promise.all(idle.map((agent) => agent.closed))
  await connecting
  await late.disconnect()
})

test('an upgrade anywhere else is not found', async () => {
  expect((await upgrade('/elsewhere')).status).toBe(404)
})

function upgrade(path: string): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    }
    request({ port: fleet.port, path, headers })
      .on('response', (response) => {
        response.resume()
        resolve({ status: response.statusCode ?? 0 })
      })
      .on('error', reject)
      .end()
  })
}
