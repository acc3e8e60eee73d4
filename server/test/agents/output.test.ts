import { MAX_CHUNK_BYTES, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dataOf, MAX_DATA_BYTES } from '../../src/domains/commands/data.ts'
import type { ResultsPage } from '../../src/domains/commands/reads.ts'
import { bootFleet, type Fleet, type Place, reach, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let clock = Date.now()
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock) })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function connected(): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  await agent.connect()
  return agent
}
async function running(): Promise<{ agent: TestAgent; id: string; operationId: string }> {
  const agent = await connected()
  const { ids, operationId } = await fleet.queue(place, [agent.deviceId])
  await agent.next('command')
  const id = ids[0] ?? ''
  agent.send({ type: 'started', commandId: id, startedAt: new Date(clock).toISOString() })
  return { agent, id, operationId }
}
const resultOf = async (operationId: string, page: Partial<ResultsPage> = {}) => {
  const [result] = await fleet.db.tenant(reach(place), (tx) =>
    fleet.commands.results(tx, operationId, { limit: 10, outputCharacters: 2_000_000, ...page }),
  )
  if (!result) throw new Error('no such command')
  return result
}
const chunks = async (id: string) =>
  (await fleet.sql('select sequence from device_command_output where command_id = $1 order by 1', [id])).length
const say = (agent: TestAgent, commandId: string, sequence: number, text: string) =>
  agent.send({ type: 'output', commandId, sequence, text })

test('what a running script has written so far can be read, and its waiters are told; the result takes its place', async () => {
  const { agent, id, operationId } = await running()
  let told = 0
  const unsubscribe = fleet.events.subscribe(`operation:${operationId}`, () => told++)
  say(agent, id, 0, 'one\n')
  say(agent, id, 1, 'two\n')
  await until(async () => (await resultOf(operationId)).output === 'one\ntwo\n')
  expect(await resultOf(operationId)).toMatchObject({ state: 'started', outputBytes: 8, truncated: false })
  expect(await resultOf(operationId, { outputCharacters: 5 })).toMatchObject({ output: 'one\nt', truncated: true })
  expect(await resultOf(operationId, { outputCharacters: 0 })).toMatchObject({ output: null })
  await until(() => told >= 2)
  unsubscribe()
  agent.result(id, { output: 'one\ntwo\nthree\n', outputBytes: 14 })
  await agent.next('result_recorded')
  expect(await resultOf(operationId)).toMatchObject({ state: 'succeeded', output: 'one\ntwo\nthree\n' })
  expect(await chunks(id)).toBe(0)
  say(agent, id, 2, 'too late')
  agent.result(id, { output: 'one\ntwo\nthree\n', outputBytes: 14 })
  await agent.next('result_recorded')
  expect(await chunks(id)).toBe(0)
  await agent.disconnect()
})

test('a burst of output tells its waiters a few times a second, not each time', async () => {
  const { agent, id, operationId } = await running()
  await until(async () => (await resultOf(operationId)).state === 'started')
  let told = 0
  const unsubscribe = fleet.events.subscribe(`operation:${operationId}`, () => told++)
  const began = performance.now()
  for (let n = 0; n < 100; n++) await fleet.commands.output(agent.deviceId, id, n, `${n}\n`)
  await until(() => told > 0)
  expect(told).toBeLessThanOrEqual(1 + (performance.now() - began) / 300)
  unsubscribe()
  await agent.disconnect()
})

test('pieces may come twice, out of order or not at all', async () => {
  const { agent, id, operationId } = await running()
  for (const [sequence, text] of [
    [2, 'c'],
    [0, 'a'],
    [0, 'again'],
    [4, 'e'],
  ] as const)
    say(agent, id, sequence, text)
  await until(async () => (await resultOf(operationId)).output === 'ace')
  expect(await resultOf(operationId)).toMatchObject({ outputBytes: 3, truncated: true })
  await agent.disconnect()
})

test('what was streamed stays as the partial output when the server gives up, and a late result still wins', async () => {
  const { agent, id, operationId } = await running()
  say(agent, id, 0, 'so far\n')
  await until(async () => (await resultOf(operationId)).output === 'so far\n')
  clock += 30_000 + 121_000
  await fleet.commands.sweep()
  expect(await resultOf(operationId)).toMatchObject({
    state: 'timed_out',
    output: 'so far\n',
    outputBytes: 7,
    truncated: false,
    resultAt: null,
  })
  expect(await chunks(id)).toBe(0)
  agent.result(id, { output: 'so far\nand further\n', outputBytes: 19 })
  await agent.next('result_recorded')
  expect(await resultOf(operationId)).toMatchObject({ state: 'succeeded', output: 'so far\nand further\n' })
  await agent.disconnect()
})

test('a result without output keeps what was streamed', async () => {
  const { agent, id, operationId } = await running()
  say(agent, id, 0, 'before the power went\n')
  agent.result(id, { state: 'interrupted', exitCode: null, output: '', outputBytes: 0 })
  await agent.next('result_recorded')
  expect(await resultOf(operationId)).toMatchObject({ state: 'interrupted', output: 'before the power went\n' })
  await agent.disconnect()
})

test('a flood is bounded in bytes and in pieces', async () => {
  const flood = await running()
  const piece = 'x'.repeat(MAX_CHUNK_BYTES)
  const enough = Math.ceil(MAX_OUTPUT_BYTES / MAX_CHUNK_BYTES)
  for (let n = 0; n < enough + 5; n++) await fleet.commands.output(flood.agent.deviceId, flood.id, n, piece)
  expect(await chunks(flood.id)).toBe(enough - 1)
  expect((await resultOf(flood.operationId)).outputBytes).toBeLessThanOrEqual(MAX_OUTPUT_BYTES)
  const drip = await running()
  await Promise.all(Array.from({ length: 2100 }, (_, n) => fleet.commands.output(drip.agent.deviceId, drip.id, n, '.')))
  expect(await chunks(drip.id)).toBe(2000)
  await fleet.commands.output(drip.agent.deviceId, drip.id, Number.MAX_SAFE_INTEGER, 'x')
  await Promise.all([flood.agent.disconnect(), drip.agent.disconnect()])
})

test("output for another device's command changes nothing", async () => {
  const { agent, id, operationId } = await running()
  const foreign = await connected()
  say(foreign, id, 0, 'forged')
  foreign.result(id, { output: 'forged' })
  expect((await foreign.next('error')).code).toBe('unknown_command')
  say(agent, id, 0, 'true')
  await until(async () => (await resultOf(operationId)).output === 'true')
  await Promise.all([agent.disconnect(), foreign.disconnect()])
})

test('the data of a result is read in the shape of its type, where it is asked for', async () => {
  const agent = await connected()
  const { ids, operationId } = await fleet.queue(place, [agent.deviceId], {
    type: 'files.delete',
    args: { path: '/tmp/x' },
  })
  agent.result(ids[0] ?? '', { output: undefined, data: { path: '/tmp/x', sizeBytes: 12, more: 'not in the schema' } })
  await agent.next('result_recorded')
  const result = await resultOf(operationId, { dataCharacters: 1000 })
  expect(result.data).toEqual({ path: '/tmp/x', sizeBytes: 12 })
  expect(dataOf(result, 'files.delete')?.sizeBytes).toBe(12)
  expect(dataOf(result, 'files.list')).toBeNull()
  expect((await resultOf(operationId)).data).toBeNull()
  expect((await resultOf(operationId, { dataCharacters: 10 })).data).toBeNull()
  await agent.disconnect()
})

const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])

test.each([
  ['of another shape', { anything: true }, null],
  ['of no JSON of ours', 'text', null],
  ['too large', { path: 'x'.repeat(MAX_DATA_BYTES), sizeBytes: 1 }, 'The data was too large and was not kept.'],
  ['nested too deep', nested(2000), 'The data was nested too deep and was not kept.'],
  ['with a key that can not be stored', { 'a\0b': 1 }, 'The data held characters that can not be kept.'],
  ['with half a character', { '\ud800': 1 }, 'The data held characters that can not be kept.'],
])('data that is %s is not shown, and the result stands', async (_, data, reason) => {
  const agent = await connected()
  const { ids, operationId } = await fleet.queue(place, [agent.deviceId, agent.deviceId], {
    type: 'files.delete',
    args: { path: '/tmp/x' },
  })
  agent.result(ids[0] ?? '', { data })
  agent.result(ids[1] ?? '', { data: { path: String.raw`C:\u0000`, sizeBytes: 1 } })
  for (const _ of ids) await agent.next('result_recorded')
  const results = await fleet.db.tenant(reach(place), (tx) =>
    fleet.commands.results(tx, operationId, { limit: 10, outputCharacters: 0, dataCharacters: 2_000_000 }),
  )
  const byId = new Map(results.map((result) => [result.id, result]))
  expect(byId.get(ids[0] ?? '')).toMatchObject({ state: 'succeeded', data: null, reason })
  expect(byId.get(ids[1] ?? '')?.data).toEqual({ path: String.raw`C:\u0000`, sizeBytes: 1 })
  await agent.disconnect()
})
