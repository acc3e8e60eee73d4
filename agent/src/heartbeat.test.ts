import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { heartbeatOffset, untilNextHeartbeat } from './backoff.ts'
import { VitalsReader } from './heartbeat.ts'

test('tells the load since the last reading, cheaply', async () => {
  const reader = new VitalsReader()
  const until = performance.now() + 150
  while (performance.now() < until) Math.sqrt(until)
  const busy = reader.read()
  expect(busy.cpuPercent).toBeGreaterThan(10)
  expect(busy.memoryPercent).toBeGreaterThan(0)
  await sleep(100)
  expect(reader.read().cpuPercent).toBeLessThanOrEqual(100)
  const before = process.cpuUsage()
  for (let i = 0; i < 100; i++) reader.read()
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 100).toBeLessThan(5000)
})

test('devices spread over the interval and keep their place', () => {
  const offsets = Array.from({ length: 1000 }, (_, n) => heartbeatOffset(`device-${n}`, 60_000))
  const quarters = [0, 1, 2, 3].map((q) => offsets.filter((o) => Math.floor(o / 15_000) === q).length)
  for (const count of quarters) expect(count).toBeGreaterThan(180)
  expect(heartbeatOffset('device-1', 60_000)).toBe(offsets[1])
})

test('a timer that fires early does not earn a second beat', () => {
  expect(untilNextHeartbeat(100_000, 10_000, 60_000)).toBe(30_000)
  expect(untilNextHeartbeat(129_999, 10_000, 60_000)).toBe(60_001)
  expect(untilNextHeartbeat(130_000, 10_000, 60_000)).toBe(60_000)
})
