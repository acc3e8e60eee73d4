import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Journal } from './journal.ts'

const COMMAND = { keyId: 'k', payload: '{}', signature: 's' }
let folder: string
let path: string
let now: number
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-journal-test-'))
  path = join(folder, 'journal.ndjson')
  now = 1000
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = () => Journal.open(folder, () => now)

test('each state survives a restart', async () => {
  const first = await open()
  for (const id of ['a', 'b', 'c', 'd']) await first.accepted(id, 2000, COMMAND)
  for (const id of ['b', 'c', 'd']) await first.started(id, '2026-01-01T00:00:00Z')
  for (const id of ['c', 'd']) await first.finished(id, { state: 'succeeded', output: `output of ${id}` })
  await first.acknowledged('d')
  await first.close()
  const second = await open()
  expect(second.entries().map((entry) => [entry.commandId, entry.state, entry.expiresAt])).toEqual([
    ['a', 'accepted', 2000],
    ['b', 'started', 2000],
    ['c', 'finished', 2000],
    ['d', 'acknowledged', 2000],
  ])
  expect(await second.outcome('c')).toEqual({ state: 'succeeded', output: 'output of c' })
  expect(await second.outcome('d')).toEqual({ state: 'succeeded', truncated: true })
  expect(second.unacknowledged).toBe(1)
  await second.close()
})

test.each(['{"t":"finished","id":"a","outc', '{"t":"finished","id":"a"\0\0\0\0\n'])(
  'a torn last line is cut off and the next one starts cleanly: %j',
  async (torn) => {
    const first = await open()
    await first.accepted('a', 2000, COMMAND)
    await first.close()
    appendFileSync(path, torn)
    const second = await open()
    expect(second.get('a')?.state).toBe('accepted')
    await second.started('a', '2026-01-01T00:00:00Z')
    await second.close()
    const third = await open()
    expect(third.get('a')?.state).toBe('started')
    await third.close()
  },
)

test('damage before the last line is an error, because skipping it could run a command twice', async () => {
  writeFileSync(path, 'garbage\n{"t":"forgotten","until":0}\n')
  await expect(open()).rejects.toThrow('damaged at byte 0')
})

test('an acknowledged id is remembered until the command has expired, and its expiry for ever', async () => {
  const journal = await open()
  await journal.accepted('a', 2000, COMMAND)
  await journal.finished('a', { state: 'succeeded' })
  await journal.acknowledged('a')
  now = 1999
  await journal.compact()
  expect(journal.get('a')?.state).toBe('acknowledged')
  now = 2000
  await journal.compact()
  expect(journal.get('a')).toBeUndefined()
  await journal.close()
  const next = await open()
  expect(next.forgottenUntil).toBe(2000)
  await next.close()
})

test('compaction keeps results that wait and drops the output of those that arrived', async () => {
  const journal = await open()
  const output = 'x'.repeat(100_000)
  for (const id of ['kept', 'arrived']) {
    await journal.accepted(id, 5000, COMMAND)
    await journal.finished(id, { state: 'succeeded', output })
  }
  await journal.acknowledged('arrived')
  const reading = journal.outcome('kept')
  const compacting = journal.compact()
  const readingAfter = journal.outcome('kept')
  await compacting
  expect((await reading)?.output).toBe(output)
  expect((await readingAfter)?.output).toBe(output)
  expect(statSync(path).size).toBeLessThan(110_000)
  await journal.started('kept', 'x')
  await journal.close()
  expect(readFileSync(path, 'utf8').endsWith('\n')).toBe(true)
})
