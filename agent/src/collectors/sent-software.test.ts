import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import { softwareDelta } from '@breeze/contract/agent-inventory'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { COLLECTORS, Inventory } from './collect.ts'
import { SentSoftware } from './sent-software.ts'

let folder: string
let items: SoftwareItem[]
let detail: string | undefined
let memories: SentSoftware[]
const log = vi.fn()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-sent-'))
  items = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => item(name))
  detail = undefined
  memories = []
  log.mockClear()
})
afterEach(async () => {
  await Promise.all(memories.map((memory) => memory.settled()))
  rmSync(folder, { recursive: true })
})

const item = (name: string, version = '1'): SoftwareItem => ({ source: 'dpkg', name, version, architecture: 'all' })

function start() {
  const sent = new SentSoftware(folder, log)
  memories.push(sent)
  const software = {
    ...COLLECTORS.software,
    collect: async (tell?: (note: { detail?: string }) => void) => {
      if (detail !== undefined) tell?.({ detail })
      return items
    },
  }
  return { sent, inventory: new Inventory({ ...COLLECTORS, software }, undefined, sent) }
}

test('the first time the section goes whole, then only what changed', async () => {
  const { inventory } = start()
  const first = await inventory.collect(['software'])
  expect(first.sections.software?.data).toHaveLength(6)
  expect(first.softwareDelta).toBeUndefined()
  items = [item('a', '2'), ...items.slice(2), item('g')]
  const second = await inventory.collect(['software'])
  expect(second.sections).toEqual({})
  expect(softwareDelta.parse(second.softwareDelta)).toMatchObject({
    base: first.hashes['software'],
    hash: second.hashes['software'],
    upserts: [item('a', '2'), item('g')],
    removed: [{ source: 'dpkg', name: 'b', architecture: 'all' }],
  })
})

test('a restarted agent still knows what it sent', async () => {
  const before = start()
  const first = await before.inventory.collect(['software'])
  await before.sent.settled()
  expect(statSync(join(folder, 'software-sent.json')).mode & 0o777).toBe(0o600)
  items = [...items, item('g')]
  const after = await start().inventory.collect(['software'])
  expect(after.softwareDelta).toMatchObject({ base: first.hashes['software'], upserts: [item('g')], removed: [] })
})

test('the section goes whole when the server wants it whole, or asks again for what it was sent', async () => {
  const { inventory } = start()
  await inventory.collect(['software'])
  expect((await inventory.collect(['software'])).sections.software?.data).toHaveLength(6)
  items = [...items, item('g')]
  expect((await inventory.collect([], ['software'])).sections.software?.data).toHaveLength(7)
  items = [...items, item('h')]
  expect((await inventory.collect(['software'])).softwareDelta?.upserts).toEqual([item('h')])
})

test('changes of more than half are sent as a whole', async () => {
  const { inventory } = start()
  await inventory.collect(['software'])
  items = items.map(({ name }) => item(name, '2'))
  expect((await inventory.collect(['software'])).sections.software?.data).toHaveLength(6)
})

test('a failure in between, or a remark, ends what a delta could build on', async () => {
  const { inventory } = start()
  await inventory.collect(['software'])
  detail = 'rpm could not be read'
  items = [...items, item('g')]
  expect((await inventory.collect(['software'])).sections.software).toMatchObject({ status: 'ok', detail })
  detail = undefined
  items = [...items, item('h')]
  expect((await inventory.collect(['software'])).sections.software?.data).toHaveLength(8)
})

test('a damaged memory costs one whole section', async () => {
  const before = start()
  await before.inventory.collect(['software'])
  await before.sent.settled()
  writeFileSync(join(folder, 'software-sent.json'), readFileSync(join(folder, 'software-sent.json')).subarray(0, 50))
  items = [...items, item('g')]
  const { inventory } = start()
  expect((await inventory.collect(['software'])).sections.software?.data).toHaveLength(7)
  expect(log).toHaveBeenCalledWith('software_memory_unreadable', expect.anything())
})
