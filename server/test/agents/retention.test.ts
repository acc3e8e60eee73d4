import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetOutput } from '../../src/domains/commands/retention.ts'
import { bootFleet, type Fleet, type Place } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

test('output and data of commands that ended long ago are let go of in steps, the rest stays', async () => {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  const old = await fleet.queue(
    place,
    Array.from({ length: 450 }, () => agent.deviceId),
  )
  const recent = await fleet.queue(place, [agent.deviceId, agent.deviceId])
  const finish = (ids: readonly string[], finishedAt: string | null) =>
    fleet.sql(
      `update device_commands set state = 'succeeded', exit_code = 0, output = 'secret', output_bytes = 6, data = '{"a": 1}',
         truncated = false, finished_at = $2 where id = any ($1)`,
      [ids, finishedAt],
    )
  const now = new Date()
  const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000).toISOString()
  await finish(old.ids, daysAgo(90.1))
  await finish(recent.ids.slice(0, 1), daysAgo(89.9))
  await finish(recent.ids.slice(1), null)
  expect(await forgetOutput(fleet.db, now, 90)).toBe(450)
  const rows = (operation: string) =>
    fleet.sql<{ output: string | null }>(
      `select distinct state, exit_code::int, output, output_bytes::int, data, truncated from device_commands where operation_id = $1`,
      [operation],
    )
  const kept = { state: 'succeeded', exit_code: 0, output_bytes: 6 }
  expect(await rows(old.operationId)).toEqual([{ ...kept, output: null, data: null, truncated: true }])
  expect(await rows(recent.operationId)).toEqual([{ ...kept, output: 'secret', data: { a: 1 }, truncated: false }])
  expect(await forgetOutput(fleet.db, now, 90)).toBe(0)
})
