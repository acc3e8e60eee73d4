import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { metricSampleAt } from '../../test/metric-sample.ts'
import { SampleStore } from './sample-store.ts'

let folder: string
let events: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-metrics-'))
  events = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (deviceId = 'device') => SampleStore.open(folder, deviceId, (event) => events.push(event))
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()
const path = (): string => join(folder, 'metrics.ndjson')
async function fill(store: SampleStore, from: number, to: number): Promise<void> {
  for (let minute = from; minute < to; minute++) store.add(metricSampleAt(at(minute)))
  await store.settled()
}
async function filled(count: number): Promise<SampleStore> {
  const store = await open()
  await fill(store, 0, count)
  return store
}

test('what is not acknowledged survives a restart, in its order', async () => {
  await filled(130)
  const again = await open()
  expect(again.size).toBe(130)
  expect(again.batch().map((sample) => sample.at)).toEqual(Array.from({ length: 120 }, (_, minute) => at(minute)))
  again.forget(at(119))
  await again.settled()
  expect(again.batch().map((sample) => sample.at)).toEqual(Array.from({ length: 10 }, (_, n) => at(120 + n)))
})

test('nothing is left in the folder when all is acknowledged, and what comes then is kept again', async () => {
  const store = await filled(3)
  store.forget(at(2))
  await store.settled()
  expect(existsSync(path())).toBe(false)
  store.add(metricSampleAt(at(3)))
  await store.settled()
  expect((await open()).batch()).toEqual([metricSampleAt(at(3))])
})

test('an acknowledgement of what is not there changes nothing', async () => {
  const store = await filled(2)
  store.forget(at(7))
  expect(store.size).toBe(2)
})

test('a day is kept, the oldest goes first, and the file does not grow without end', async () => {
  const store = await filled(1440)
  await fill(store, 1440, 2140)
  expect(store.size).toBe(1440)
  expect(store.batch()[0]?.at).toBe(at(700))
  store.forget(at(700))
  await store.settled()
  expect(readFileSync(path(), 'utf8').trim().split('\n')).toHaveLength(1 + 1439)
  expect((await open()).size).toBe(1439)
})

test('a frame of a device with many disks is bounded', async () => {
  const store = await open()
  const disks = Array.from({ length: 64 }, (_, n) => ({
    mount: `/srv/${'x'.repeat(480)}/${n}`,
    usedPercent: 1,
    totalBytes: 1,
    availableBytes: 1,
  }))
  for (let minute = 0; minute < 60; minute++) store.add(metricSampleAt(at(minute), { disks }))
  await store.settled()
  expect(store.batch().length).toBeGreaterThan(5)
  expect(JSON.stringify(store.batch()).length).toBeLessThan(600_000)
})

test('a line that was cut short is passed over, and what another identity measured is not ours', async () => {
  await filled(2)
  appendFileSync(path(), '{"at":"2026-01-01T00:')
  const after = await open()
  expect(after.size).toBe(2)
  after.add(metricSampleAt(at(3)))
  await after.settled()
  expect((await open()).size).toBe(3)
  expect((await open('another')).size).toBe(0)
  expect(events).toEqual([])
  writeFileSync(path(), 'no header')
  const store = await open()
  expect([store.size, events]).toEqual([0, ['metrics_store_unreadable']])
  store.add(metricSampleAt(at(9)))
  await store.settled()
  expect((await open()).batch()).toEqual([metricSampleAt(at(9))])
})

test('a folder that can not be written costs nothing while the agent runs', async () => {
  const store = await open()
  mkdirSync(`${path()}.new`)
  store.add(metricSampleAt(at(0)))
  store.add(metricSampleAt(at(1)))
  await store.settled()
  expect(store.batch()).toHaveLength(2)
  expect(events).toEqual(['metrics_store_error'])
  rmSync(`${path()}.new`, { recursive: true })
  store.add(metricSampleAt(at(2)))
  await store.settled()
  expect((await open()).size).toBe(3)
})
