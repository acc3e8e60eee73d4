import { cancelMessage, cancelPayload } from '@breeze/contract/agent-commands'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importPublicKey, verifyText } from '../../src/keys/ed25519.ts'
import { bootFleet, echo, type Fleet, newId, type Place, reach } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function enrolled(): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  return agent
}
async function connected(): Promise<TestAgent> {
  const agent = await enrolled()
  await agent.connect()
  return agent
}
const cancel = (operationId: string, at = place) =>
  fleet.db.tenant(reach(at), (tx) => fleet.commands.cancel(tx, new Date(), { operationId }, 'cancelled by Ada'))
const resultsOf = (operationId: string, deviceId?: string) =>
  fleet.db.tenant(reach(place), (tx) =>
    fleet.commands.results(tx, operationId, { limit: 10, outputCharacters: 1000, ...(deviceId && { deviceId }) }),
  )
const stateOf = async (operationId: string) => (await resultsOf(operationId)).map((result) => result.state)

test('what waits is cancelled at once and never delivered; of what was delivered the device is asked', async () => {
  const [away, here] = [await enrolled(), await connected()]
  const { ids, operationId } = await fleet.queue(place, [away.deviceId, here.deviceId])
  await here.next('command')
  expect(await cancel(operationId)).toEqual({ cancelled: 1, asked: 1 })
  expect(await resultsOf(operationId, away.deviceId)).toMatchObject([
    { state: 'cancelled', reason: 'cancelled by Ada', cancelRequestedAt: null },
  ])
  expect(await resultsOf(operationId, here.deviceId)).toMatchObject([
    { state: 'delivered', reason: null, cancelReason: 'cancelled by Ada' },
  ])

  const { cancel: signed } = await here.next('cancel')
  const key = importPublicKey(fleet.keys.commands.publicKey)
  expect(key && verifyText(key, cancelMessage(signed.payload), signed.signature)).toBe(true)
  expect(cancelPayload.parse(JSON.parse(signed.payload))).toMatchObject({ cancels: ids[1], deviceId: here.deviceId })

  here.result(ids[1] ?? '', { state: 'cancelled', exitCode: null, reason: 'stopped', output: 'half' })
  await here.next('result_recorded')
  expect(await resultsOf(operationId, here.deviceId)).toMatchObject([
    { state: 'cancelled', reason: 'cancelled by Ada', output: 'half' },
  ])
  await away.connect()
  const after = await fleet.queue(place, [away.deviceId], echo('after'))
  expect((await away.nextCommand()).payload.commandId).toBe(after.ids[0])
  await Promise.all([away.disconnect(), here.disconnect()])
})

test('what ended before the device heard of it keeps its own end', async () => {
  const agent = await connected()
  const { ids, operationId } = await fleet.queue(place, [agent.deviceId])
  await agent.next('command')
  await cancel(operationId)
  agent.result(ids[0] ?? '')
  await agent.next('result_recorded')
  expect(await resultsOf(operationId)).toMatchObject([{ state: 'succeeded', reason: null, output: 'hello\n' }])
  expect(await cancel(operationId)).toEqual({ cancelled: 0, asked: 0 })
  await agent.disconnect()
})

test('it is asked again after a reconnect, with the same bytes, until the command has ended', async () => {
  const agent = await connected()
  const { ids, operationId } = await fleet.queue(place, [agent.deviceId])
  await agent.next('command')
  await agent.disconnect()
  expect(await cancel(operationId)).toEqual({ cancelled: 0, asked: 1 })
  expect(await cancel(operationId)).toEqual({ cancelled: 0, asked: 1 })
  await agent.connect()
  const first = (await agent.next('cancel')).cancel
  await agent.disconnect()
  await agent.connect()
  expect((await agent.nextCommand()).payload.commandId).toBe(ids[0])
  expect((await agent.next('cancel')).cancel).toEqual(first)
  agent.result(ids[0] ?? '', { state: 'cancelled' })
  await agent.next('result_recorded')
  await agent.disconnect()
  await agent.connect()
  const marker = await fleet.queue(place, [agent.deviceId])
  expect((await agent.nextCommand()).payload.commandId).toBe(marker.ids[0])
  expect(agent.has('cancel')).toBe(false)
  await agent.disconnect()
})

test("another organization's commands can not be cancelled, nor can a device end another one's", async () => {
  const [agent, foreign] = [await connected(), await connected()]
  const { ids, operationId } = await fleet.queue(place, [agent.deviceId])
  await agent.next('command')
  expect(await cancel(operationId, await fleet.place())).toEqual({ cancelled: 0, asked: 0 })
  foreign.result(ids[0] ?? '', { state: 'cancelled' })
  expect((await foreign.next('error')).code).toBe('unknown_command')
  expect(await resultsOf(operationId)).toMatchObject([{ state: 'delivered', cancelRequestedAt: null }])
  expect(agent.has('cancel')).toBe(false)
  await Promise.all([agent.disconnect(), foreign.disconnect()])
})

test.each(['awaiting_approval', 'quarantined'])('a device that is %s gets nothing', async (condition) => {
  const agent = await enrolled()
  const before = await fleet.queue(place, [agent.deviceId])
  await fleet.sql('update devices set conditions = $2 where id = $1', [agent.deviceId, [condition]])
  await agent.connect()
  await expect(fleet.queue(place, [agent.deviceId])).rejects.toMatchObject({
    code: 'conflict',
    denial: { reason: expect.stringContaining(agent.deviceId), remedy: expect.stringContaining('manage_devices') },
  })
  await expect(fleet.queue(place, [newId()])).rejects.toMatchObject({ code: 'not_found' })
  expect(await stateOf(before.operationId)).toEqual(['queued'])
  expect(agent.has('command')).toBe(false)
  await fleet.sql(`update devices set conditions = '{}' where id = $1`, [agent.deviceId])
  const after = await fleet.queue(place, [agent.deviceId])
  expect((await agent.nextCommand()).payload.commandId).toBe(before.ids[0])
  expect((await agent.nextCommand()).payload.commandId).toBe(after.ids[0])
  await agent.disconnect()
})

test('each device may get a command of its own', async () => {
  const [one, two] = [await connected(), await connected()]
  const operationId = await fleet.operation(place)
  await fleet.db.tenant(reach(place), (tx) =>
    fleet.commands.queue(tx, new Date(), {
      operationId,
      devices: [one, two].map(({ deviceId }) => ({ ...place, id: deviceId })),
      bodyFor: ({ id }) => ({ type: 'files.delete', args: { path: `/tmp/${id}` } }),
      expiresAt: new Date(Date.now() + 60_000),
      newId,
    }),
  )
  for (const agent of [one, two])
    expect((await agent.nextCommand()).payload.body).toEqual({
      type: 'files.delete',
      args: { path: `/tmp/${agent.deviceId}` },
    })
  await Promise.all([one.disconnect(), two.disconnect()])
})
