import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetContent } from '../../src/domains/commands/retention.ts'
import { bootFleet, type Fleet, type Place } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

test('instructions, output and data of commands that ended long ago are let go of in steps, the rest stays', async () => {
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
  expect(await forgetContent(fleet.db, now, 90)).toBe(450)
  const rows = (operation: string) =>
    fleet.sql<{ output: string | null }>(
      `select distinct state, exit_code::int, output, output_bytes::int, data, truncated, payload <> '' as told, signature <> '' as signed from device_commands where operation_id = $1`,
      [operation],
    )
  const kept = { state: 'succeeded', exit_code: 0, output_bytes: 6 }
  expect(await rows(old.operationId)).toEqual([
    { ...kept, output: null, data: null, truncated: true, told: false, signed: false },
  ])
  expect(await rows(recent.operationId)).toEqual([
    { ...kept, output: 'secret', data: { a: 1 }, truncated: false, told: true, signed: true },
  ])
  expect(await forgetContent(fleet.db, now, 90)).toBe(0)
  // One that never ended well, and wrote nothing, was told something too; one that is still on its way is kept whole.
  const [unheard, open] = await Promise.all([1, 2].map(() => fleet.queue(place, [agent.deviceId])))
  await fleet.sql(`update device_commands set state = 'expired', finished_at = $2 where id = any ($1)`, [
    unheard?.ids,
    daysAgo(91),
  ])
  await fleet.sql(`update device_commands set issued_at = $2 where id = any ($1)`, [open?.ids, daysAgo(91)])
  expect(await forgetContent(fleet.db, now, 90)).toBe(1)
  const told = async (ids: readonly string[] = []) =>
    fleet.sql(`select payload <> '' as told from device_commands where id = any ($1)`, [ids])
  expect([await told(unheard?.ids), await told(open?.ids)]).toEqual([[{ told: false }], [{ told: true }]])
})
