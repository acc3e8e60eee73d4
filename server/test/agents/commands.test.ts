import { commandMessage } from '@breeze/contract/agent-commands'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importPublicKey, verifyText } from '../../src/keys/ed25519.ts'
import { armFault } from '../../src/kernel/faults.ts'
import { bootFleet, echo, type Fleet, newId, type Place, reach, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let clock = Date.now()
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock) })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function enrolled(at = place): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(at))
  return agent
}
async function connected(): Promise<TestAgent> {
  const agent = await enrolled()
  await agent.connect()
  return agent
}

interface Row {
  state: string
  exit_code: number | null
  output: string | null
  reason: string | null
  result_at: Date | null
}
const row = async (id: string | undefined): Promise<Row> => {
  const [found] = await fleet.sql<Row & { exit_code: string | null }>(
    'select state, exit_code, output, reason, result_at from device_commands where id = $1',
    [id],
  )
  if (!found) throw new Error('no such command')
  return { ...found, exit_code: found.exit_code === null ? null : Number(found.exit_code) }
}
const inState = (id: string | undefined, state: string) => until(async () => (await row(id)).state === state)

test('a connected device gets a command that the published key signed, and its result is durable before it is told', async () => {
  const agent = await connected()
  const { ids, operationId } = await fleet.queue(place, [agent.deviceId], echo('hi'))
  const { command, payload } = await agent.nextCommand()
  expect(payload).toMatchObject({ v: 1, commandId: ids[0], deviceId: agent.deviceId, body: echo('hi') })
  expect(Date.parse(payload.expiresAt)).toBe(clock + 600_000)
  const key = importPublicKey(fleet.keys.commands.publicKey)
  expect(key && verifyText(key, commandMessage(command.payload), command.signature)).toBe(true)
  expect((await row(ids[0])).state).toBe('delivered')
  agent.send({ type: 'accepted', commandId: ids[0] })
  await inState(ids[0], 'accepted')
  agent.send({ type: 'started', commandId: ids[0], startedAt: new Date(clock).toISOString() })
  await inState(ids[0], 'started')
  let told = 0
  const unsubscribe = fleet.events.subscribe(`operation:${operationId}`, () => told++)
  agent.result(ids[0] ?? '')
  await agent.next('result_recorded')
  expect(await row(ids[0])).toMatchObject({ state: 'succeeded', exit_code: 0, output: 'hello\n' })
  expect(told).toBe(1)
  unsubscribe()
  const progress = await fleet.db.tenant(reach(place), (tx) => fleet.commands.operationProgress(tx, operationId))
  expect(progress).toMatchObject({ total: 1, finished: 1, byState: { succeeded: 1, queued: 0 } })
  await agent.disconnect()
})

test('accepted, started and result in one breath leave the result', async () => {
  const agent = await connected()
  const { ids } = await fleet.queue(place, [agent.deviceId])
  await agent.next('command')
  agent.send({ type: 'accepted', commandId: ids[0] })
  agent.send({ type: 'started', commandId: ids[0], startedAt: new Date(clock).toISOString() })
  agent.result(ids[0] ?? '', { state: 'failed', exitCode: 3_221_225_786 })
  await agent.next('result_recorded')
  expect(await row(ids[0])).toMatchObject({ state: 'failed', exit_code: 3_221_225_786 })
  await agent.disconnect()
})

test('the same result again is acknowledged again; another one is acknowledged and ignored', async () => {
  const agent = await connected()
  const { ids } = await fleet.queue(place, [agent.deviceId])
  const id = ids[0] ?? ''
  for (const output of ['first\n', 'first\n', 'second, longer\n']) {
    agent.result(id, { output, outputBytes: output.length })
    expect((await agent.next('result_recorded')).commandId).toBe(id)
  }
  expect((await row(id)).output).toBe('first\n')
  await agent.disconnect()
})

test('a result that comes after the server gave up overwrites the supposition', async () => {
  const agent = await connected()
  const { ids } = await fleet.queue(place, [agent.deviceId])
  await agent.next('command')
  agent.send({ type: 'started', commandId: ids[0], startedAt: new Date(clock).toISOString() })
  await inState(ids[0], 'started')
  clock += 30_000 + 121_000
  await fleet.commands.sweep()
  expect(await row(ids[0])).toMatchObject({
    state: 'timed_out',
    result_at: null,
    reason: 'No result came from the device in time.',
  })
  agent.result(ids[0] ?? '')
  await agent.next('result_recorded')
  expect(await row(ids[0])).toMatchObject({ state: 'succeeded', output: 'hello\n', reason: null })
  await agent.disconnect()
})

test("a time-out that the device itself reports is a result and stays; its 'interrupted' gives way to a real one", async () => {
  const agent = await connected()
  const { ids } = await fleet.queue(place, [agent.deviceId, agent.deviceId])
  const [timedOut = '', interrupted = ''] = ids
  agent.result(timedOut, { state: 'timed_out', exitCode: null })
  await agent.next('result_recorded')
  agent.result(timedOut)
  await agent.next('result_recorded')
  expect((await row(timedOut)).state).toBe('timed_out')
  agent.result(interrupted, { state: 'interrupted', exitCode: null, outputBytes: 0, output: '' })
  await agent.next('result_recorded')
  agent.result(interrupted)
  await agent.next('result_recorded')
  expect((await row(interrupted)).state).toBe('succeeded')
  await agent.disconnect()
})

test("another device's command can be neither finished nor moved", async () => {
  const [agent, foreign] = [await enrolled(), await connected()]
  const { ids } = await fleet.queue(place, [agent.deviceId])
  foreign.send({ type: 'started', commandId: ids[0], startedAt: new Date(clock).toISOString() })
  foreign.result(ids[0] ?? '', { output: 'forged' })
  expect((await foreign.next('error')).code).toBe('unknown_command')
  foreign.result(newId())
  expect((await foreign.next('error')).code).toBe('unknown_command')
  expect(await row(ids[0])).toMatchObject({ state: 'queued', output: null })
  expect(foreign.has('result_recorded')).toBe(false)
  await foreign.disconnect()
})

test('one unstorable result fails alone', async () => {
  const agent = await connected()
  const { ids } = await fleet.queue(place, [agent.deviceId, agent.deviceId, agent.deviceId])
  const [first = '', second = '', third = ''] = ids
  agent.result(first, { output: 'null \0 and half \ud800 a pair', outputBytes: 20 })
  agent.result(second, { startedAt: '0000-01-01T00:00:00Z', finishedAt: '9999-12-31T00:00:00Z' })
  agent.result(third, { exitCode: Number.MAX_SAFE_INTEGER, durationMs: Number.MAX_SAFE_INTEGER })
  for (let n = 0; n < 3; n++) await agent.next('result_recorded')
  expect((await row(first)).output).toBe('null \ufffd and half \ufffd a pair')
  await agent.disconnect()
})

test('commands wait for a device that is away, come oldest first, and come again when the connection broke', async () => {
  const agent = await enrolled()
  const first = await fleet.queue(place, [agent.deviceId], echo('1'))
  clock += 5
  const second = await fleet.queue(place, [agent.deviceId], echo('2'))
  expect((await row(first.ids[0])).state).toBe('queued')
  await agent.connect()
  expect((await agent.nextCommand()).payload.commandId).toBe(first.ids[0])
  expect((await agent.nextCommand()).payload.commandId).toBe(second.ids[0])
  agent.result(first.ids[0] ?? '')
  await agent.next('result_recorded')
  await agent.disconnect()
  await agent.connect()
  expect((await agent.nextCommand()).payload.commandId).toBe(second.ids[0])
  expect(agent.has('command')).toBe(false)
  await agent.disconnect()
})

test('an expired command is never delivered and says so', async () => {
  const agent = await enrolled()
  const { ids } = await fleet.queue(place, [agent.deviceId], echo('late'), 60_000)
  clock += 61_000
  await agent.connect()
  await fleet.commands.sweep()
  expect(await row(ids[0])).toMatchObject({
    state: 'expired',
    reason: 'The device was not reached before the command expired.',
  })
  expect(agent.has('command')).toBe(false)
  await agent.disconnect()
})

test('a command for a device that the caller can not see is not found, and nothing of the act stands', async () => {
  const elsewhere = await fleet.place()
  const foreign = await enrolled(elsewhere)
  const own = await enrolled()
  await expect(fleet.queue(place, [own.deviceId, foreign.deviceId])).rejects.toMatchObject({ code: 'not_found' })
  const rows = await fleet.sql('select id from device_commands where device_id = any ($1)', [
    [own.deviceId, foreign.deviceId],
  ])
  expect(rows).toEqual([])
})

test('a crash at any point between the queue and the acknowledgement loses nothing', async () => {
  const agent = await connected()
  for (const point of ['command.claimed', 'command.sent', 'result.received', 'result.committed'] as const) {
    const disarm = armFault(point, () => {
      disarm()
      throw new Error('struck')
    })
    const { ids } = await fleet.queue(place, [agent.deviceId])
    const id = ids[0] ?? ''
    expect((await agent.nextCommand()).payload.commandId).toBe(id)
    agent.result(id)
    await until(() => agent.has('result_recorded') || agent.isClosed)
    if (!agent.has('result_recorded')) {
      await agent.connect()
      agent.result(id)
    }
    await agent.next('result_recorded')
    expect(await row(id)).toMatchObject({ state: 'succeeded', output: 'hello\n' })
    disarm()
    await agent.disconnect()
    await agent.connect()
  }
  await agent.disconnect()
})
