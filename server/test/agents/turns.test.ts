/** What whoever raises alerts is told of devices that come and go. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Presence } from '../../src/domains/devices/presence.ts'
import { bootFleet, type Fleet, type Place, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let clock = Date.UTC(2027, 0, 1)
const MINUTE = 60_000
const DAY = 86_400_000
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock), timers: false })
})
beforeEach(async () => {
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function enrolled(more: { requiresApproval?: boolean } = {}): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place, more))
  return agent
}
async function online(presence = fleet.presence): Promise<string> {
  const { deviceId } = await enrolled()
  await hear(deviceId, presence)
  fleet.turns.length = 0
  return deviceId
}
const beat = { bootId: 'b', uptimeSeconds: 1, cpuPercent: 2, memoryPercent: 3, clockSkewMs: 0 }
async function hear(id: string, presence = fleet.presence, roundTripMs: number | null = null): Promise<void> {
  presence.heard(id, { ...beat, roundTripMs })
  await presence.flush()
}
/** Time passes as it does: in small steps, each with its tick. */
async function pass(ms: number, presence = fleet.presence): Promise<void> {
  const end = clock + ms
  while (clock < end) {
    clock = Math.min(end, clock + 5000)
    await presence.tick()
  }
}
const of = (id: string) => fleet.turns.filter((turn) => turn.deviceId === id)
async function conditions(id: string): Promise<string[]> {
  const [row] = await fleet.sql<{ conditions: string[] }>('select conditions from devices where id = $1', [id])
  return row?.conditions ?? []
}
/** Another server process on the same database, `gapMs` after the last one went. */
async function restarted(gapMs: number, last: Presence = fleet.presence): Promise<Presence> {
  await last.stop()
  clock += gapMs
  const next = fleet.newPresence()
  await next.start({ timers: false })
  return next
}

test('a device that falls silent turns once it was silent for the grace period, and turns back when it is heard', async () => {
  const id = await online()
  await pass(178_000)
  expect(of(id)).toEqual([])
  await pass(7000)
  const unexpected = { deviceId: id, expected: null, expectedBackAt: null, overdue: false, observed: true }
  expect(of(id)).toEqual([{ ...unexpected, status: 'offline', at: expect.any(Date) }])
  await hear(id)
  expect(of(id)[1]).toEqual({ ...unexpected, status: 'online', at: new Date(clock) })
})

test('it turns as well when its socket closed', async () => {
  const agent = await enrolled()
  await agent.connect()
  await fleet.presence.flush()
  fleet.turns.length = 0
  await agent.disconnect()
  await until(() => fleet.hub.connected === 0)
  await pass(30_000)
  expect(await conditions(agent.deviceId)).toEqual([])
  await pass(20_000)
  expect(await conditions(agent.deviceId)).toEqual(['degraded'])
  expect(of(agent.deviceId)).toEqual([])
  await pass(135_000)
  expect(of(agent.deviceId)).toMatchObject([{ status: 'offline', expected: null, observed: true }])
  expect(await conditions(agent.deviceId)).toEqual([])
})

test('a restart that was announced is expected for a quarter of an hour, and told again when it takes longer', async () => {
  const id = await online()
  fleet.presence.goodbye(id, 'reboot')
  await fleet.presence.tick()
  const expectedBackAt = new Date(clock + 15 * MINUTE)
  const left = { status: 'offline', at: new Date(clock), expected: 'reboot', expectedBackAt, overdue: false }
  expect(of(id)).toMatchObject([left])
  expect(await conditions(id)).toEqual(['shutdown_expected'])
  await pass(14 * MINUTE)
  expect(of(id)).toHaveLength(1)
  await pass(2 * MINUTE)
  expect(of(id)[1]).toMatchObject({ ...left, overdue: true })
  expect(await conditions(id)).toEqual(['return_overdue'])
  await hear(id)
  expect(of(id)[2]).toMatchObject({ status: 'online', expected: null })
  expect(await conditions(id)).toEqual([])
  await pass(20 * MINUTE)
  expect(of(id).filter((turn) => turn.overdue)).toHaveLength(1)
})

test('one that comes back from its restart is never overdue, and a shutdown has no time to be back', async () => {
  const id = await online()
  fleet.presence.goodbye(id, 'reboot')
  await pass(3 * MINUTE)
  for (let minute = 0; minute < 15; minute++) {
    await hear(id)
    await pass(MINUTE)
  }
  expect(of(id).map((turn) => turn.status)).toEqual(['offline', 'online'])
  fleet.presence.goodbye(id, 'shutdown')
  await pass(60 * MINUTE)
  expect(of(id).slice(2)).toMatchObject([{ status: 'offline', expected: 'shutdown', expectedBackAt: null }])
  expect(await conditions(id)).toEqual(['shutdown_expected'])
})

test('a server that was down for ten minutes tells of nobody who comes back', async () => {
  const ids = [await online(), await online(), await online()]
  const next = await restarted(10 * MINUTE)
  fleet.turns.length = 0
  // Agents try again after five minutes at most.
  await pass(4 * MINUTE, next)
  await hear(ids[0] ?? '', next)
  await pass(MINUTE, next)
  await hear(ids[1] ?? '', next)
  expect(fleet.turns).toEqual([])
  // The third one really is gone, since nobody knows when.
  await pass(5 * MINUTE, next)
  expect(of(ids[2] ?? '')).toMatchObject([{ status: 'offline', observed: false }])
  await fleet.sql('update devices set removed_at = now() where id = any ($1)', [ids])
  await restarted(0, next)
})

test('a restart that ends while the server is down is not overdue before agents had time to come back', async () => {
  const id = await online()
  fleet.presence.goodbye(id, 'reboot')
  const next = await restarted(20 * MINUTE)
  fleet.turns.length = 0
  await pass(5 * MINUTE, next)
  expect(of(id)).toEqual([])
  await pass(2 * MINUTE, next)
  expect(of(id)).toMatchObject([{ expected: 'reboot', overdue: true }])
  const [row] = await fleet.sql('select status_expected, status_observed from devices where id = $1', [id])
  expect(row).toEqual({ status_expected: 'reboot', status_observed: true })
  await restarted(0, next)
})

test('turns that a dying server wrote and could not tell any more are told by the next', async () => {
  const [silent, leaving, old] = [await online(), await online(), await online()]
  fleet.presence.goodbye(old, 'stop')
  await pass(10 * MINUTE)
  for (const id of [silent, leaving]) await hear(id)
  await pass(170_000)
  await hear(leaving)
  await pass(20_000)
  fleet.presence.goodbye(leaving, 'update')
  await fleet.presence.flush()
  const told = (id: string) => of(id).at(-1)
  const [of1, of2] = [told(silent), told(leaving)]
  fleet.turns.length = 0
  const next = await restarted(3000)
  expect(told(silent)).toEqual(of1)
  expect(told(leaving)).toEqual(of2)
  expect(of2).toMatchObject({ expected: 'update', expectedBackAt: expect.any(Date) })
  expect(of(old)).toEqual([])
  await restarted(0, next)
})

test('nobody is told of a device that waits for approval, until it is approved', async () => {
  const { deviceId: id } = await enrolled({ requiresApproval: true })
  await hear(id)
  expect(of(id)).toEqual([])
  await fleet.sql(`update devices set conditions = array_remove(conditions, 'awaiting_approval') where id = $1`, [id])
  await fleet.presence.approved([id])
  expect(of(id)).toMatchObject([{ status: 'online' }])
})

test('a late heartbeat and slow responses make an online device degraded', async () => {
  const id = await online()
  await pass(85_000)
  expect(await conditions(id)).toEqual([])
  await pass(10_000)
  expect(await conditions(id)).toEqual(['degraded'])
  await hear(id)
  await fleet.presence.tick()
  expect(await conditions(id)).toEqual([])
  for (const roundTripMs of [20, 21, 1800, 1801, 1802]) await hear(id, fleet.presence, roundTripMs)
  expect(await conditions(id)).toEqual(['degraded'])
  const next = await restarted(2000)
  await hear(id, next, 1803)
  expect(await conditions(id)).toEqual(['degraded'])
  for (const roundTripMs of [22, 23, 24]) await hear(id, next, roundTripMs)
  expect(await conditions(id)).toEqual([])
  const [row] = await fleet.sql<{ usual: number }>(
    'select round_trip_usual_ms as usual from device_presence where device_id = $1',
    [id],
  )
  expect(row?.usual).toBeGreaterThan(20)
  expect(row?.usual).toBeLessThan(60)
  await restarted(0, next)
})

test('a week of silence is stale, a month is missing, and a word ends both', async () => {
  const id = await online()
  fleet.presence.goodbye(id, 'shutdown')
  await fleet.presence.flush()
  const silent = async (days: number) => {
    await fleet.sql(`update device_presence set last_seen_at = $2 where device_id = $1`, [
      id,
      new Date(clock - days * DAY),
    ])
    await fleet.presence.markSilent()
    return conditions(id)
  }
  expect(await silent(6.9)).toEqual(['shutdown_expected'])
  expect(await silent(7.1)).toEqual(['shutdown_expected', 'stale'])
  expect(await silent(8)).toEqual(['shutdown_expected', 'stale'])
  expect(await silent(31)).toEqual(['shutdown_expected', 'missing'])
  await hear(id)
  expect(await conditions(id)).toEqual([])
})

test('a server that was away for weeks calls nobody stale who may be on the way back', async () => {
  const back = await online()
  const gone = await online()
  for (const id of [back, gone]) fleet.presence.goodbye(id, 'stop')
  const next = await restarted(40 * DAY)
  expect(await next.markSilent()).toBe(0)
  await pass(4 * MINUTE, next)
  await hear(back, next)
  expect(await next.markSilent()).toBe(0)
  await pass(5 * MINUTE, next)
  await hear(back, next)
  await next.markSilent()
  expect(await conditions(back)).toEqual([])
  expect(await conditions(gone)).toContain('missing')
  await restarted(0, next)
})
