import type { MetricSample } from '@breeze/contract/agent-metrics'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MetricReport } from '../../src/domains/metrics/service.ts'
import { bootFleet, type Fleet, type Place, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
const told: MetricReport[] = []
beforeAll(async () => {
  fleet = await bootFleet({ recorded: (batch) => told.push(...batch) })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()
const sample = (at: string, more: Partial<MetricSample> = {}): MetricSample => ({
  at,
  cpuPercent: 12.5,
  memoryPercent: 40,
  swapPercent: null,
  load1: 0.25,
  uptimeSeconds: 1000.5,
  disks: [{ mount: '/', usedPercent: 71, totalBytes: 1e12, availableBytes: 2.5e11 }],
  receivedBytesPerSecond: 1e6,
  sentBytesPerSecond: 0,
  ...more,
})
async function connected(): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  await agent.connect()
  return agent
}
const rowsOf = (id: string) => fleet.sql('select * from metrics_minute where device_id = $1 order by at', [id])

test('samples are acknowledged once they are stored and told, and those that come again change nothing', async () => {
  const agent = await connected()
  const samples = [sample(minutesAgo(2)), sample(minutesAgo(1), { cpuPercent: 90, topProcesses: [top] })]
  agent.send({ type: 'metrics', samples })
  expect(await agent.next('metrics_recorded')).toEqual({ type: 'metrics_recorded', until: samples[1]?.at })
  agent.send({ type: 'metrics', samples: [...samples.slice(1), sample(minutesAgo(0))] })
  await agent.next('metrics_recorded')
  const rows = await rowsOf(agent.deviceId)
  expect(rows).toHaveLength(3)
  expect(rows[1]).toMatchObject({
    organization_id: place.organizationId,
    site_id: place.siteId,
    cpu: 90,
    memory: 40,
    swap: null,
    load: 0.25,
    received: 1e6,
    sent: 0,
    uptime_seconds: 1000,
    top_processes: [top],
  })
  expect(
    await fleet.sql('select mount, used, total, available from disk_metrics_minute where device_id = $1', [
      agent.deviceId,
    ]),
  ).toEqual(Array.from({ length: 3 }, () => ({ mount: '/', used: 71, total: 1e12, available: 2.5e11 })))
  expect(told.filter((report) => report.deviceId === agent.deviceId)[0]?.samples).toEqual(samples)
  agent.socket?.close()
})

const top = { name: 'mysqld', pid: 7, cpuPercent: 180, memoryBytes: 1e9 }

test('a device that sends without end gets a row for half a minute and no more', async () => {
  const agent = await connected()
  const start = Math.floor(Date.now() / 60_000) * 60_000 - 600_000
  const disks = (n: number) => [{ mount: `/${n}`, usedPercent: 1, totalBytes: 1, availableBytes: 1 }]
  const samples = Array.from({ length: 120 }, (_, n) =>
    sample(new Date(start + n * 500).toISOString(), { disks: disks(n) }),
  )
  for (const sent of [samples, samples]) {
    agent.send({ type: 'metrics', samples: sent })
    await agent.next('metrics_recorded')
  }
  expect((await rowsOf(agent.deviceId)).map((row) => (row['at'] as Date).getTime())).toEqual([start, start + 30_000])
  const stored = await fleet.sql('select from disk_metrics_minute where device_id = $1', [agent.deviceId])
  expect(stored).toHaveLength(2)
  agent.socket?.close()
})

test('times that a wrong clock made up are acknowledged and not kept', async () => {
  const agent = await connected()
  const times = [minutesAgo(49 * 60), minutesAgo(47 * 60), minutesAgo(-30)]
  agent.send({ type: 'metrics', samples: times.map((at) => sample(at)) })
  expect(await agent.next('metrics_recorded')).toMatchObject({ until: times[2] })
  expect(await rowsOf(agent.deviceId)).toHaveLength(1)
  agent.socket?.close()
})

test('of a removed device nothing is stored', async () => {
  const agent = await connected()
  await fleet.sql('update devices set removed_at = now() where id = $1', [agent.deviceId])
  agent.send({ type: 'metrics', samples: [sample(minutesAgo(0))] })
  await agent.next('metrics_recorded')
  await until(async () => (await rowsOf(agent.deviceId)).length === 0)
  agent.socket?.close()
})
