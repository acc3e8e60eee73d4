import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { reconcileCounts } from '../../src/domains/devices/counters.ts'
import { armFault } from '../../src/kernel/faults.ts'
import { bootFleet, type Fleet, newId, type Place, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let clock = Date.UTC(2027, 0, 1)
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock), timers: false })
})
beforeEach(async () => {
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function device(at = place): Promise<string> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(at))
  return agent.deviceId
}
const of = async (id: string) => {
  const [row] = await fleet.sql<{
    status: string
    conditions: string[]
    first_seen_at: Date | null
    last_seen_at: Date | null
  }>(
    `select status, conditions, first_seen_at, last_seen_at from devices d left join device_presence p on p.device_id = d.id where d.id = $1`,
    [id],
  )
  return row
}
/** Time passes as it does: in small steps, each with its tick. */
async function pass(seconds: number, presence = fleet.presence): Promise<void> {
  for (let second = 0; second < seconds; second += 2) {
    clock += 2000
    await presence.tick()
  }
}
const beat = { bootId: 'b', uptimeSeconds: 1, cpuPercent: 2, memoryPercent: 3, clockSkewMs: 0 }

test('a device is pending until it is heard, then online, then offline after three silent minutes', async () => {
  const id = await device()
  expect(await of(id)).toMatchObject({ status: 'pending', first_seen_at: null, last_seen_at: null })
  fleet.presence.heard(id, beat)
  await fleet.presence.tick()
  const heardAt = new Date(clock)
  expect(await of(id)).toMatchObject({ status: 'online', first_seen_at: heardAt, last_seen_at: heardAt })
  await pass(178)
  expect((await of(id))?.status).toBe('online')
  await pass(4)
  expect(await of(id)).toMatchObject({ status: 'offline', conditions: [], last_seen_at: heardAt })
  fleet.presence.heard(id, null)
  await fleet.presence.tick()
  expect(await of(id)).toMatchObject({ status: 'online', first_seen_at: heardAt })
})

test('heartbeats gather in memory and are written together', async () => {
  const ids = [await device(), await device(), await device()]
  for (const id of ids) fleet.presence.heard(id, beat)
  await fleet.presence.flush()
  clock += 500
  for (const id of ids) fleet.presence.heard(id, { ...beat, cpuPercent: 50 })
  await fleet.presence.tick()
  const cpu = () =>
    fleet.sql<{ cpu_percent: number }>('select cpu_percent from device_presence where device_id = any ($1)', [ids])
  expect(new Set((await cpu()).map((row) => row.cpu_percent))).toEqual(new Set([2]))
  clock += 1600
  await fleet.presence.tick()
  expect(new Set((await cpu()).map((row) => row.cpu_percent))).toEqual(new Set([50]))
})

test('a closed socket changes nothing by itself', async () => {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  await agent.connect()
  await fleet.presence.flush()
  await agent.disconnect()
  await until(() => fleet.hub.connected === 0)
  await pass(60)
  expect((await of(agent.deviceId))?.status).toBe('online')
})

test('a goodbye is offline at once and says that it was expected, until the device is back', async () => {
  const id = await device()
  fleet.presence.heard(id, beat)
  await fleet.presence.flush()
  fleet.presence.goodbye(id, 'shutdown')
  await fleet.presence.flush()
  expect(await of(id)).toMatchObject({ status: 'offline', conditions: ['shutdown_expected'] })
  fleet.presence.heard(id, beat)
  await fleet.presence.flush()
  expect(await of(id)).toMatchObject({ status: 'online', conditions: [] })
})

test('nothing goes offline because the server was down', async () => {
  const id = await device()
  fleet.presence.heard(id, beat)
  await fleet.presence.tick()
  await fleet.presence.stop()
  clock += 3_600_000
  const next = fleet.newPresence()
  await next.start({ timers: false })
  await next.tick()
  await pass(180, next)
  expect((await of(id))?.status).toBe('online')
  // It really is gone: the longest an agent waits before it tries again has passed too.
  await pass(400, next)
  expect((await of(id))?.status).toBe('offline')
  await next.stop()
})

test('a process that slept did not listen', async () => {
  const id = await device()
  fleet.presence.heard(id, beat)
  await fleet.presence.tick()
  clock += 7_200_000
  await fleet.presence.tick()
  expect((await of(id))?.status).toBe('online')
  await pass(182)
  expect((await of(id))?.status).toBe('offline')
})

test('a failed write is tried again and loses nothing that was heard', async () => {
  const id = await device()
  fleet.presence.heard(id, beat)
  await fleet.sql('alter table device_presence rename to hidden')
  await expect(fleet.presence.flush()).rejects.toThrow(/device_presence/)
  await fleet.sql('alter table hidden rename to device_presence')
  const disarm = armFault('presence.flushed', () => {
    throw new Error('struck')
  })
  await expect(fleet.presence.flush()).rejects.toThrow('struck')
  disarm()
  expect((await of(id))?.status).toBe('online')
})

test('a removed device is not brought back by a heartbeat that was on its way', async () => {
  const id = await device()
  await fleet.sql('update devices set removed_at = now() where id = $1', [id])
  fleet.presence.heard(id, beat)
  fleet.presence.heard(newId(), beat)
  await fleet.presence.flush()
  expect((await of(id))?.status).toBe('pending')
})

test('the counters equal a real count whatever happened, and reconciling mends what did not', async () => {
  const others = [place, await fleet.place(), await fleet.place()]
  const ids: string[] = []
  for (let index = 0; index < 40; index++) ids.push(await device(others[index % 3]))
  // A fixed sequence that looks random: a failure can be repeated.
  let seed = 42
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  for (let step = 0; step < 300; step++) {
    const id = ids[random(ids.length)] ?? ''
    const dice = random(12)
    if (dice < 6) fleet.presence.heard(id, beat)
    else if (dice < 8) fleet.presence.goodbye(id, 'reboot')
    else if (dice < 9)
      await fleet.sql('update devices set removed_at = case when removed_at is null then now() end where id = $1', [id])
    else if (dice < 10) {
      const to = others[random(3)]
      await fleet.sql('update devices set organization_id = $2, site_id = $3 where id = $1', [
        id,
        to?.organizationId,
        to?.siteId,
      ])
    } else await pass(40)
  }
  await fleet.presence.flush()
  const counted = 'select organization_id, site_id, status, n from device_counts where n <> 0 order by 1, 2, 3'
  const real =
    'select organization_id, site_id, status, count(*) as n from devices where removed_at is null group by 1, 2, 3 order by 1, 2, 3'
  expect(await fleet.sql(counted)).toEqual(await fleet.sql(real))
  expect(await reconcileCounts(fleet.db)).toBe(0)
  await fleet.sql(`update device_counts set n = n + 3 where status = 'pending'`)
  await fleet.sql(`delete from device_counts where status = 'offline'`)
  expect(await reconcileCounts(fleet.db)).toBeGreaterThan(1)
  expect(await fleet.sql(counted)).toEqual(await fleet.sql(real))
})
