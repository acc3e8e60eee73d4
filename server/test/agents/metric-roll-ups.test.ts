import type { MetricSample } from '@breeze/contract/agent-metrics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rollUp } from '../../src/domains/metrics/roll-up.ts'
import { writeSamples } from '../../src/domains/metrics/record.ts'
import type { Db, Tx } from '../../src/kernel/db.ts'
import { bootFleet, type Fleet, newId, type Place } from './fleet.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const hour = Math.floor(Date.now() / HOUR) * HOUR - HOUR
let clock = hour + 20 * MINUTE
let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock), timers: false })
  place = await fleet.place()
  // As on a server that has run for a while.
  await fleet.sql('update metrics_progress set rolled_up_until = $1, closed_until = $1', [new Date(hour)])
})
afterAll(() => fleet.stop())

async function device(): Promise<string> {
  const id = newId()
  await fleet.sql(
    `insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, agent_version)
     values ($1, $2, $3, 'box', 'm', decode(md5($4) || md5($4), 'hex'), 'linux', '1')`,
    [id, place.organizationId, place.siteId, id],
  )
  return id
}
const sample = (at: number, cpuPercent: number | null, more: Partial<MetricSample> = {}): MetricSample => ({
  at: new Date(at).toISOString(),
  cpuPercent,
  memoryPercent: 50,
  swapPercent: null,
  load1: 1,
  uptimeSeconds: 1,
  disks: [],
  receivedBytesPerSecond: null,
  sentBytesPerSecond: null,
  ...more,
})
const rollUpAt = (at: number) => {
  clock = at
  return fleet.metrics.rollUp()
}
const rows = (table: string, id: string) =>
  fleet.sql<Record<string, unknown>>(`select * from ${table} where device_id = $1 order by at`, [id])
const progress = async () =>
  (await fleet.sql<{ at: Date }>('select rolled_up_until as at from metrics_progress'))[0]?.at

test('quarters come from minutes and hours from quarters, each average by its weight', async () => {
  const id = await device()
  const disk = (usedPercent: number, availableBytes: number) => [
    { mount: '/', usedPercent, totalBytes: 1000, availableBytes },
  ]
  // One in the first quarter, three in the second, one of them without a value.
  await fleet.metrics.record({
    deviceId: id,
    samples: [
      sample(hour, 100, { disks: disk(50, 500) }),
      sample(hour + 15 * MINUTE, 10),
      sample(hour + 16 * MINUTE, null),
      sample(hour + 17 * MINUTE, 30, { disks: disk(90, 100) }),
    ],
  })
  expect(await rollUpAt(hour + 32 * MINUTE)).toEqual({ quarters: 2, late: 0 })
  expect(await rows('metrics_quarter', id)).toMatchObject([
    { cpu_avg: 100, cpu_count: 1, memory_count: 1, swap_avg: null, swap_count: 0 },
    { cpu_avg: 20, cpu_min: 10, cpu_max: 30, cpu_count: 2, memory_avg: 50, memory_count: 3 },
  ])
  expect(await rows('metrics_hour', id)).toMatchObject([
    {
      at: new Date(hour),
      organization_id: place.organizationId,
      site_id: place.siteId,
      cpu_min: 10,
      cpu_max: 100,
      cpu_count: 3,
    },
  ])
  expect((await rows('metrics_hour', id))[0]?.['cpu_avg']).toBeCloseTo(140 / 3, 4)
  expect(await rows('disk_metrics_hour', id)).toMatchObject([
    { mount: '/', total: 1000, used_avg: 70, used_min: 50, used_max: 90, used_count: 2, available_avg: 300 },
  ])
  // The quarter that is not over yet, and one more look.
  expect(await rollUpAt(hour + 32 * MINUTE)).toEqual({ quarters: 0, late: 0 })
})

test('a job that is killed leaves nothing half done, and the next one does it', async () => {
  const id = await device()
  await fleet.metrics.record({ deviceId: id, samples: [sample(hour + 31 * MINUTE, 40)] })
  const before = await progress()
  const killed: Db = Object.assign(Object.create(fleet.db) as Db, {
    worker: <T>(work: (tx: Tx) => Promise<T>) =>
      fleet.db.worker((tx) => {
        const dying: Tx = Object.assign(Object.create(tx) as Tx, {
          prepared: (name: string, text: string, values: unknown[]) =>
            name === 'disk_metrics_hour' ? Promise.reject(new Error('killed')) : tx.prepared(name, text, values),
        })
        return work(dying)
      }),
  })
  const at = new Date(hour + 47 * MINUTE)
  await expect(rollUp(killed, at)).rejects.toThrow('killed')
  expect([await progress(), await rows('metrics_quarter', id)]).toEqual([before, []])
  expect(await rollUpAt(at.getTime())).toEqual({ quarters: 1, late: 0 })
  expect(await rows('metrics_quarter', id)).toMatchObject([{ cpu_avg: 40, cpu_count: 1 }])
})

test('what comes late is rolled up again, for its device alone', async () => {
  const id = await device()
  await fleet.metrics.record({ deviceId: id, samples: [sample(hour + 40 * MINUTE, 10)] })
  await fleet.metrics.record({
    deviceId: id,
    samples: [sample(hour + 5 * MINUTE, 30), sample(hour + 41 * MINUTE, 20), sample(hour + 46 * MINUTE, 50)],
  })
  // The last one's quarter is still open.
  expect(await rollUpAt(hour + 50 * MINUTE)).toEqual({ quarters: 0, late: 2 })
  expect((await rows('metrics_quarter', id)).map((row) => [row['at'], row['cpu_avg'], row['cpu_count']])).toEqual([
    [new Date(hour), 30, 1],
    [new Date(hour + 30 * MINUTE), 15, 2],
  ])
  expect(await rows('metrics_hour', id)).toMatchObject([{ cpu_avg: 20, cpu_count: 3 }])
  await rollUpAt(hour + 61 * MINUTE)
  expect(await rows('metrics_hour', id)).toMatchObject([{ cpu_avg: 27.5, cpu_count: 4 }])
  expect(await fleet.sql('select from late_metrics')).toEqual([])
})

test('a sample that is being stored while its quarter is closed is in the roll-up', async () => {
  const id = await device()
  const stored = Promise.withResolvers<void>()
  const storing = fleet.db.worker(async (tx) => {
    await writeSamples(tx, [{ deviceId: id, samples: [sample(hour + 62 * MINUTE, 60)] }])
    await stored.promise
  })
  let isDone = false
  const rolling = rollUpAt(hour + 77 * MINUTE).then(() => {
    isDone = true
    return isDone
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(isDone).toBe(false)
  stored.resolve()
  await Promise.all([storing, rolling])
  expect(await rows('metrics_quarter', id)).toMatchObject([{ cpu_avg: 60 }])
})

test('partitions are made ahead and dropped when old, but no minute that was not rolled up', async () => {
  const partitions = async (parent: string) =>
    (
      await fleet.sql<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1`,
        [parent],
      )
    ).map((row) => row.name)
  const id = await device()
  await fleet.metrics.record({ deviceId: id, samples: [sample(clock, 70)] })
  const before = await partitions('metrics_minute')
  // The server was away: its first act is to take in a sample of a day that nobody had made a place for.
  clock += 10 * DAY
  await fleet.metrics.record({ deviceId: id, samples: [sample(clock, 80)] })
  await fleet.metrics.keepPartitions()
  const kept = await partitions('metrics_minute')
  expect(kept.filter((name) => before.includes(name)).length).toBeGreaterThan(0)
  expect(await rows('metrics_minute', id)).toHaveLength(2)
  await rollUpAt(clock)
  await fleet.metrics.keepPartitions()
  expect((await partitions('metrics_minute')).filter((name) => before.includes(name))).toEqual([])
  expect(await rows('metrics_minute', id)).toHaveLength(1)
  expect(await rows('metrics_quarter', id)).toMatchObject([{ cpu_avg: 70 }])
  expect((await partitions('metrics_hour')).length).toBeLessThan(4)
})
