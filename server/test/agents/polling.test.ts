/** What only long-polling can get wrong: lost answers, repeated and missing requests, readers that never read, strangers. */
import { Writable } from 'node:stream'
import { MAX_FRAME_BYTES } from '@breeze/contract/agent-commands'
import { AGENT_POLL_PATHS, CLOSE, pollOpened, pollReceived } from '@breeze/contract/agent-protocol'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootFleet, echo, type Fleet, type Place, until } from './fleet.ts'
import { PollClient } from './poll-client.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let logged = ''
let nowMs = Date.now()
beforeAll(async () => {
  const log = pino({ level: 'trace' }, new Writable({ write: (line, _, done) => ((logged += String(line)), done()) }))
  fleet = await bootFleet({ log, opensPerMinute: 30, now: () => new Date(nowMs) })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

/** Welcomed, and read by hand from here on. */
async function connected(): Promise<{ agent: TestAgent; client: PollClient }> {
  const agent = new TestAgent(fleet.url, 'polling')
  await agent.enroll(await fleet.token(place))
  agent.configurationEtag = fleet.settings.effective(place).etag
  const client = await opened()
  const { frames } = await read(client, 0, 0)
  const [challenge] = frames
  if (challenge?.type !== 'challenge') throw new Error('no challenge')
  await client.post('send', { sequence: 0, frames: [agent.hello(challenge.nonce)] })
  await until(async () => (await read(client, 1, 5)).frames.some((frame) => frame.type === 'welcome'))
  return { agent, client }
}

async function opened(): Promise<PollClient> {
  // Opens flow in again.
  nowMs += 2000
  const client = new PollClient(
    fleet.url,
    () => undefined,
    () => undefined,
  )
  client.session = pollOpened.parse(await (await open()).json()).session
  return client
}

const open = (address = '127.0.0.1') =>
  fetch(fleet.url + AGENT_POLL_PATHS.open, { method: 'POST', headers: { 'x-test-address': address } })

async function read(client: PollClient, received: number, waitSeconds = 20) {
  const response = await client.post('receive', { received, waitSeconds })
  expect(response.status).toBe(200)
  return pollReceived.parse(await response.json())
}

test('frames come again until their arrival is told, so a lost answer loses nothing', async () => {
  const { agent, client } = await connected()
  const { ids } = await fleet.queue(place, [agent.deviceId])
  const first = await read(client, 2)
  expect(first.frames.map((frame) => frame.type)).toEqual(['command'])
  // The answer was lost: the same question gets the same frames.
  expect(await read(client, 2)).toEqual(first)
  const more = await fleet.queue(place, [agent.deviceId], echo('again'))
  const both = await until(async () => {
    const answer = await read(client, 2)
    return answer.frames.length === 2 && answer
  })
  expect(both.first).toBe(2)
  expect((await read(client, 4, 0)).frames).toEqual([])
  await client.post('send', {
    sequence: 1,
    frames: [...ids, ...more.ids].map((commandId) => ({ type: 'result', commandId, outcome: { state: 'succeeded' } })),
  })
  const recorded = await until(async () => {
    const { frames } = await read(client, 4)
    return frames.length === 2 && frames
  })
  expect(recorded.map((frame) => frame.type)).toEqual(['result_recorded', 'result_recorded'])
})

test('a waiting request is answered as soon as there is something, and given up for a newer one', async () => {
  const { agent, client } = await connected()
  const older = read(client, 2, 50)
  const newer = read(client, 2, 50)
  expect((await older).frames).toEqual([])
  await fleet.queue(place, [agent.deviceId])
  expect((await newer).frames.map((frame) => frame.type)).toEqual(['command'])
})

test('an agent that goes away while it waits loses nothing', async () => {
  const { agent, client } = await connected()
  const gone = new AbortController()
  const waiting = client.post('receive', { received: 2, waitSeconds: 50 }, { signal: gone.signal })
  gone.abort()
  await expect(waiting).rejects.toThrow()
  await fleet.queue(place, [agent.deviceId])
  expect((await read(client, 2)).frames.map((frame) => frame.type)).toEqual(['command'])
})

test('a repeated request changes nothing; a missing one ends the connection', async () => {
  const { agent, client } = await connected()
  const { operationId, ids } = await fleet.queue(place, [agent.deviceId])
  const body = { sequence: 1, frames: ids.map((commandId) => ({ type: 'accepted', commandId })) }
  for (let time = 0; time < 3; time++) expect((await client.post('send', body)).status).toBe(200)
  expect((await client.post('send', { sequence: 0, frames: ['nonsense'] })).status).toBe(200)
  await until(async () => {
    const [row] = await fleet.sql<{ state: string }>('select state from device_commands where operation_id = $1', [
      operationId,
    ])
    return row?.state === 'accepted'
  })
  expect((await client.post('send', { sequence: 3, frames: [] })).status).toBe(409)
  const { closed, frames } = await read(client, 3)
  expect(closed).toBe(CLOSE.protocolError)
  expect(frames.at(-1)).toMatchObject({ type: 'error', code: 'bad_frame' })
  expect((await client.post('send', { sequence: 2, frames: [] })).status).toBe(410)
})

test('an agent can not count what never was, nor take an acknowledgement back', async () => {
  const { client } = await connected()
  expect((await client.post('receive', { received: 99, waitSeconds: 0 })).status).toBe(409)
  await read(client, 2, 0)
  expect((await client.post('receive', { received: 1, waitSeconds: 0 })).status).toBe(409)
  expect((await read(client, 2, 0)).closed).toBeUndefined()
})

test('what is no session, or no request, is refused', async () => {
  const { client } = await connected()
  for (const session of ['', 'x', 'A'.repeat(43), `${client.session}x`])
    expect((await client.post('receive', { received: 0, waitSeconds: 0 }, { session })).status).toBe(401)
  for (const body of [
    '',
    'not json',
    '{}',
    '[]',
    { sequence: -1, frames: [] },
    { sequence: 1, frames: Array(201).fill(0) },
  ])
    expect((await client.post('send', body)).status).toBe(400)
  expect((await client.post('receive', { received: 0, waitSeconds: 51 })).status).toBe(400)
  expect((await client.post('receive', 'x'.repeat(5000))).status).toBe(413)
})

test('bodies are bounded as frames are, and a stranger may send next to nothing', async () => {
  const { client } = await connected()
  expect((await client.post('send', 'x'.repeat(MAX_FRAME_BYTES + 1))).status).toBe(413)
  const stranger = await opened()
  expect((await stranger.post('send', 'x'.repeat(20_000))).status).toBe(413)
})

test("one device's session speaks for no other device", async () => {
  const [one, other] = [await connected(), await connected()]
  const { ids } = await fleet.queue(place, [one.agent.deviceId])
  await read(one.client, 2)
  await other.client.post('send', {
    sequence: 1,
    frames: [{ type: 'result', commandId: ids[0], outcome: { state: 'succeeded' } }],
  })
  expect((await read(other.client, 2)).frames).toMatchObject([{ type: 'error', code: 'unknown_command' }])
  const [row] = await fleet.sql<{ state: string }>('select state from device_commands where id = $1', [ids[0]])
  expect(row?.state).toBe('delivered')
})

test('a session that nobody reads ends, and its commands wait for the next one', async () => {
  // Those of the other tests.
  nowMs += 100_000
  fleet.hub.polls.sweep()
  const { agent, client } = await connected()
  const { ids } = await fleet.queue(place, [agent.deviceId])
  await until(async () => (await read(client, 2, 0)).frames.length === 1)
  nowMs += 80_000
  fleet.hub.polls.sweep()
  expect(fleet.hub.connected).toBe(1)
  nowMs += 11_000
  fleet.hub.polls.sweep()
  expect(fleet.hub.connected).toBe(0)
  expect((await client.post('receive', { received: 2, waitSeconds: 0 })).status).toBe(401)
  await agent.connect()
  expect((await agent.nextCommand()).payload.commandId).toBe(ids[0])
  await agent.disconnect()
})

test('a replaced connection is told so, by whichever transport the other one came', async () => {
  const { agent, client } = await connected()
  const waiting = read(client, 2, 50)
  const socket = new TestAgent(fleet.url)
  const { key, deviceId, machineId } = agent
  Object.assign(socket, { key, deviceId, machineId })
  await socket.connect()
  expect(await waiting).toMatchObject({ closed: CLOSE.replaced, frames: [{ type: 'error', code: 'replaced' }] })
  await agent.connect()
  expect(await socket.closed).toBe(CLOSE.replaced)
  await agent.disconnect()
})

test('an address that opens without end is told to wait', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => open('10.9.9.9')))
  const refused = answers.filter((answer) => answer.status === 429)
  expect(refused.length).toBe(10)
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await open('10.9.9.8')).status).toBe(200)
})

test('an agent that asks without end is slowed down, and then told so', async () => {
  const { client } = await connected()
  const ask = () => client.post('receive', { received: 2, waitSeconds: 0 })
  const answers = await Promise.all(Array.from({ length: 1100 }, ask))
  const slow = answers.filter((answer) => answer.status === 429)
  expect(slow.length).toBeGreaterThan(0)
  expect(slow[0]?.headers.get('retry-after')).toBe('10')
  expect(answers.filter((answer) => answer.status === 200).length + slow.length).toBe(1100)
}, 30_000)

test('a session is written to no log', async () => {
  const { client } = await connected()
  await client.post('send', { sequence: 9, frames: [] })
  await client.post('send', 'not json', { session: `${client.session}x` })
  expect(logged).toContain('agent connection refused')
  expect(logged).not.toContain(client.session)
})

test('a stopping server ends what waits and refuses what comes', async () => {
  const other = await bootFleet()
  const agent = new TestAgent(other.url, 'polling')
  await agent.enroll(await other.token(await other.place()))
  await agent.connect()
  await other.hub.drain()
  expect((await agent.next('error')).code).toBe('draining')
  expect(await agent.closed).toBe(CLOSE.draining)
  const refused = await fetch(other.url + AGENT_POLL_PATHS.open, { method: 'POST' })
  expect(refused.status).toBe(503)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  await other.stop()
})
