import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootFleet, type Fleet, type Place, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

const MANY = 500

let fleet: Fleet
let place: Place
const agents: TestAgent[] = []
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
  const token = await fleet.token(place, { uses: MANY, simulated: true })
  for (let index = 0; index < MANY; index++) agents.push(new TestAgent(fleet.url))
  await Promise.all(agents.map((agent) => agent.enroll(token)))
})
afterAll(() => fleet.stop())

const online = async () => {
  const [row] = await fleet.sql<{ n: string }>(
    `select n from device_counts where status = 'online' and organization_id = $1`,
    [place.organizationId],
  )
  return Number(row?.n ?? 0)
}

test('five hundred devices that connect at once are all online within seconds, over few database connections', async () => {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  let most = 0
  const watch = setInterval(() => {
    const { total, waiting } = fleet.db.usage().owner
    most = Math.max(most, total + waiting)
  }, 5)
  await Promise.all(agents.map((agent) => agent.connect()))
  for (const agent of agents) agent.heartbeat({ os: 'h' })
  await until(async () => (await online()) === MANY)
  clearInterval(watch)
  delay.disable()
  expect(fleet.hub.connected).toBe(MANY)
  expect(most).toBeLessThanOrEqual(6)
  // Clients and server share this event loop; a stall of a second would be a stop.
  expect(delay.max / 1e6).toBeLessThan(1000)
})

test('a command to all of them runs once on each, and every result comes home', async () => {
  const ran = new Map<string, number>()
  const { operationId, ids } = await fleet.queue(
    place,
    agents.map((agent) => agent.deviceId),
  )
  expect(ids).toHaveLength(MANY)
  await Promise.all(
    agents.map(async (agent) => {
      const { payload } = await agent.nextCommand()
      expect(payload.deviceId).toBe(agent.deviceId)
      ran.set(payload.commandId, (ran.get(payload.commandId) ?? 0) + 1)
      agent.send({ type: 'accepted', commandId: payload.commandId })
      agent.result(payload.commandId)
      await agent.next('result_recorded')
    }),
  )
  expect(new Set(ran.keys())).toEqual(new Set(ids))
  expect([...ran.values()].every((times) => times === 1)).toBe(true)
  const progress = await fleet.db.worker((tx) => fleet.commands.operationProgress(tx, operationId))
  expect(progress).toMatchObject({ total: MANY, finished: MANY, byState: { succeeded: MANY } })
})

test('all of them lose the connection and come back', async () => {
  for (const agent of agents) agent.socket?.terminate()
  await until(() => fleet.hub.connected === 0)
  await Promise.all(agents.map((agent) => agent.connect()))
  expect(fleet.hub.connected).toBe(MANY)
  expect(await online()).toBe(MANY)
})
