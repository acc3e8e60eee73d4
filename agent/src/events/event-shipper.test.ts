import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventWatch } from '@breeze/contract/agent-events'
import type { AgentFrame } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LogFields } from '../log.ts'
import { entry } from '../platform/log-query.ts'
import { EventShipper } from './event-shipper.ts'
import { EventStore } from './event-store.ts'

let folder: string
/** What the device's logs hold; a position is the number of lines that were read. */
let logs: Map<string, string[]>
let watches: EventWatch[]
let sent: Extract<AgentFrame, { type: 'events' }>[]
let told: LogFields[]
const open: EventShipper[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-events-'))
  logs = new Map([['system', ['long ago']]])
  watches = [{ id: 'w' }]
  sent = []
  told = []
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((shipper) => shipper.stop()))
  rmSync(folder, { recursive: true })
})
const write = (line: string, log = 'system') => logs.get(log)?.push(line)
const log = (event: string, fields: LogFields = {}) => void told.push({ event, ...fields })
const texts = () => sent.flatMap(({ entries }) => entries.map(({ text }) => text))

/** As a new process would: with what is on the disk. */
async function shipper(deviceId = 'd', now?: number): Promise<EventShipper> {
  const made = new EventShipper({
    store: await EventStore.open(folder, deviceId, log, now),
    watches: () => watches,
    log,
    everyMs: 3_600_000,
    tail: async (name) => {
      const lines = logs.get(name)
      if (!lines) throw new Error(`no ${name}`)
      const read = async (position: string | undefined) => ({
        entries: lines.slice(Number(position ?? lines.length)).map((line) => entry(null, null, '', line)),
        position: String(lines.length),
      })
      return { source: `list of ${name}`, read }
    },
  })
  open.push(made)
  made.start()
  await made.look()
  return made
}
const connect = (to: EventShipper) =>
  to.welcomed(async (frame) => {
    if (frame.type === 'events') sent.push(frame)
    return true
  })

test('what comes into a log is sent, and not what was there before', async () => {
  const one = await shipper()
  connect(one)
  write('first')
  write('second')
  await one.look()
  expect(texts()).toEqual(['first', 'second'])
  await one.look()
  // Nobody acknowledged it yet.
  expect(texts()).toEqual(['first', 'second', 'first', 'second'])
  expect(new Set(sent.map(({ sequence }) => sequence)).size).toBe(1)
  one.recorded(sent[0]?.sequence ?? 0)
  await one.look()
  expect(sent).toHaveLength(2)
})

test('a restart goes on where reading ended, and sends again what was not acknowledged', async () => {
  const one = await shipper('d', 1000)
  write('seen, and nobody to send it to')
  await one.look()
  await one.stop()
  write('while the agent was down')
  const two = await shipper('d', 2000)
  connect(two)
  expect(sent.map(({ sequence }) => sequence)).toEqual([1000, 1001])
  expect(texts()).toEqual(['seen, and nobody to send it to', 'while the agent was down'])
  for (const { sequence } of sent) two.recorded(sequence)
  await two.stop()
  sent = []
  connect(await shipper())
  expect(sent).toEqual([])
})

test('numbers are not used twice when the state is lost', async () => {
  const one = await shipper('d', 1000)
  write('a')
  await one.stop()
  writeFileSync(join(folder, 'events.json'), 'torn')
  const two = await shipper('d', 5000)
  connect(two)
  write('b')
  await two.look()
  expect(sent.map(({ sequence }) => sequence)).toEqual([5000])
  expect(told).toContainEqual(expect.objectContaining({ event: 'events_unreadable' }))
})

test('another device in the same folder tells nothing of the former', async () => {
  const one = await shipper('original')
  write('of the original')
  await one.stop()
  connect(await shipper('copy'))
  expect(sent).toEqual([])
})

test('five batches are under way at once, the next when one is acknowledged', async () => {
  const one = await shipper()
  for (let line = 0; line < 7; line++) {
    write(`line ${line}`)
    await one.look()
  }
  connect(one)
  expect(sent).toHaveLength(5)
  one.recorded(sent[0]?.sequence ?? 0)
  expect(texts()).toEqual(['line 0', 'line 1', 'line 2', 'line 3', 'line 4', 'line 5'])
})

test('of a device that can not send, the latest thousand are kept', async () => {
  const one = await shipper()
  connect(one)
  watches = Array.from({ length: 30 }, (_, index) => ({ id: `w${index}` }))
  await one.look()
  for (let line = 0; line < 50; line++) write(`line ${line}`)
  await one.look()
  expect(sent.map(({ entries }) => entries.length)).toEqual([200, 200, 200, 200, 100])
  expect(told.filter(({ event }) => event === 'events_dropped')).toHaveLength(3)
  const kept = JSON.parse(readFileSync(join(folder, 'events.json'), 'utf8')) as { waiting: unknown[] }
  expect(kept.waiting).toHaveLength(5)
})

test('a log that nobody watches for a while is followed from its end again', async () => {
  const one = await shipper()
  connect(one)
  watches = []
  write('nobody looks')
  await one.look()
  watches = [{ id: 'w' }]
  await one.look()
  write('somebody looks')
  await one.look()
  expect(texts()).toEqual(['somebody looks'])
})

test('a log that is not there is told once and keeps no other from being read', async () => {
  const one = await shipper()
  connect(one)
  watches = [{ id: 'x', log: 'nowhere' }, { id: 'w' }]
  write('seen')
  await one.look()
  await one.look()
  expect(texts().length).toBeGreaterThan(0)
  expect(told.filter(({ event }) => event === 'event_log_unreadable')).toEqual([
    { event: 'event_log_unreadable', log: 'nowhere', message: 'no nowhere' },
  ])
})
