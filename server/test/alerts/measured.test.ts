/** What measured values raise and how it ends, by the rules that come with Breeze. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EngineWorld, HOUR, MINUTE, openWorld, type Place } from './engine-world.ts'

let world: EngineWorld
let place: Place
beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  place = await world.organization()
})
afterAll(() => world.stop())

const minutes = async (count: number, device: string, each: Parameters<EngineWorld['measure']>[1]): Promise<void> => {
  for (let minute = 0; minute < count; minute += 1) {
    world.clock.now += MINUTE
    await world.hear([device])
    await world.measure(device, each)
  }
}

describe('disks', () => {
  it('raise one alert each, which gets worse as they fill', async () => {
    const id = await world.device(place)
    await world.measure(id, world.disk(84))
    expect(await world.ofDevice(id)).toMatchObject([
      { severity: 'low', title: 'Disk clean-up recommended: C: is 84 % full', instance: 'C:', last_value: 84 },
    ])
    await minutes(1, id, world.disk(97))
    const alerts = await world.ofDevice(id)
    expect(alerts).toMatchObject([{ severity: 'critical', title: 'C: is 97 % full', status: 'open', state: 'firing' }])
    expect(alerts[0]?.detail).toMatchObject({ value: 84, threshold: 80, unit: '%', total_bytes: 100_000 })
    const told = await world.told(alerts.map((alert) => alert.id))
    expect(told.map((event) => event.kind)).toEqual(['opened', 'severity'])
  })

  it('are critical on servers only, and close by themselves', async () => {
    const id = await world.device(place, 'workstation')
    await world.measure(id, world.disk(97))
    expect(await world.ofDevice(id)).toMatchObject([{ severity: 'high', rule: 'disk_others' }])
    await minutes(6, id, world.disk(50))
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'resolved', state: 'clear' }])
  })
})

describe('disks that fill', () => {
  const DAY = 24 * HOUR
  /** Free bytes by day before now, as the roll-ups hold them: an hour's row in six. */
  const roll = async (id: string, of: Place, free: (daysAgo: number) => number): Promise<void> => {
    const hour = Math.floor(world.clock.now / HOUR) * HOUR
    const before = new Date(hour - 20 * DAY)
    const month = (at: Date, more = 0) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + more))
    await world.sql(
      `do $$ begin call add_partition('disk_metrics_hour', '${month(before).toISOString()}', '${month(before, 1).toISOString()}'); end $$`,
    )
    await world.sql(
      `insert into disk_metrics_hour (device_id, organization_id, site_id, at, mount, total, used_count, available_avg, available_count)
       select $1, $2, $3, t.at, '/', 1e12, 0, t.free, 60 from unnest($4::timestamptz[], $5::float8[]) as t (at, free)
       on conflict (device_id, at, mount) do update set available_avg = excluded.available_avg`,
      [
        id,
        of.organizationId,
        of.siteId,
        Array.from({ length: 80 }, (_, index) => new Date(hour - index * 6 * HOUR)),
        Array.from({ length: 80 }, (_, index) => free((index * 6) / 24)),
      ],
    )
  }

  /** Long steps: what is worked out is looked at every three hours. */
  const later = async (hours: number, ...ids: string[]): Promise<void> => {
    for (let hour = 0; hour < hours; hour += 4) {
      world.clock.now += 4 * HOUR
      await world.hear(ids)
      await world.settle()
    }
  }

  it('alarm by the trend of what is free, days before, and close once it is broken', async () => {
    const id = await world.device(place)
    const jumped = await world.device(place)
    await roll(id, place, (daysAgo) => 50e9 + daysAgo * 10e9)
    await roll(jumped, place, (daysAgo) => (daysAgo < 5 ? 5e9 : 500e9))
    await later(4, id, jumped)
    const [alert] = await world.ofDevice(id)
    expect(alert).toMatchObject({
      rule: 'disk_forecast',
      severity: 'medium',
      instance: '/',
      title: '/ will be full in about 5 days at its present rate',
      detail: {
        value: 5,
        threshold: 7,
        unit: 'days',
        total_bytes: 1e12,
        history_days: 14,
        expected_full_on: new Date(world.clock.now + 5 * DAY).toISOString().slice(0, 10),
      },
    })
    expect(Number(alert?.detail['bytes_per_day']) / 10e9).toBeCloseTo(1, 1)
    expect(await world.ofDevice(jumped)).toEqual([])
    // Somebody made room and what filled it is gone: the alert closes after a day without the trend.
    await roll(id, place, () => 400e9)
    await later(4, id)
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'open', state: 'clearing' }])
    await later(24, id)
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'resolved', state: 'clear' }])
  })

  it('that are not told any more are unknown', async () => {
    const id = await world.device(place)
    await roll(id, place, (daysAgo) => 50e9 + daysAgo * 10e9)
    await later(32, id)
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'open', state: 'no_data', severity: 'medium' }])
  })
})

describe('processor and memory', () => {
  it('alarm after ten minutes, with what used most at that time, and clear after five good ones', async () => {
    const id = await world.device(place)
    const busy = {
      cpuPercent: 97,
      topProcesses: [{ name: 'miner\u202e --pool x', pid: 7, cpuPercent: 190, memoryBytes: 1e9 }],
    }
    await minutes(10, id, busy)
    expect(await world.ofDevice(id)).toEqual([])
    await minutes(1, id, busy)
    const [alert] = await world.ofDevice(id)
    expect(alert).toMatchObject({ rule: 'cpu', severity: 'high', title: 'Processor at 97 % for 10 minutes' })
    expect(alert?.opened_at.getTime()).toBe(world.clock.now)
    expect(JSON.stringify(alert?.detail['device_text'])).toContain('miner')
    expect(JSON.stringify(alert?.detail)).not.toContain('\u202e')
    await minutes(5, id, { cpuPercent: 60 })
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'open', state: 'clearing' }])
    await minutes(1, id, { cpuPercent: 60 })
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'resolved' }])
  })

  it('open at the time that was measured, when an agent tells late', async () => {
    const id = await world.device(place)
    const began = world.clock.now
    const late = Array.from({ length: 30 }, (_, minute) => ({
      at: new Date(began + minute * MINUTE).toISOString(),
      cpuPercent: 99,
    }))
    world.clock.now += HOUR
    await world.hear([id])
    await world.measure(id, ...late)
    expect((await world.ofDevice(id)).map((alert) => alert.opened_at.getTime())).toEqual([began + 10 * MINUTE])
    // The same again, because its acknowledgement was lost.
    await world.measure(id, ...late)
    expect(await world.ofDevice(id)).toMatchObject([{ occurrences: 1 }])
  })

  it('that nobody measures any more are unknown, not over', async () => {
    const id = await world.device(place)
    await world.measure(id, world.disk(97))
    await world.pass(6 * MINUTE, [id], 20_000)
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'open', state: 'no_data', suppressed: null }])
    await world.pass(HOUR, [id], MINUTE)
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'open', state: 'no_data' }])
    await world.measure(id, world.disk(97))
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'open', state: 'firing' }])
  })
})
