import { appendFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { entry } from '../log-query.ts'
import { fileTail } from './file-tail.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-tail-'))
  path = join(folder, 'auth.log')
})
afterEach(() => rmSync(folder, { recursive: true }))

let position: string | undefined
beforeEach(() => {
  position = undefined
})
async function more(): Promise<string[]> {
  const tail = await fileTail(path, ({ text }) => entry(null, null, '', text))()
  if (typeof tail === 'string') throw new Error(tail)
  const found = await tail.read(position)
  position = found.position
  return found.entries.map(({ message }) => message)
}

test('a log that is new to the agent is followed from its end, and each line is read once', async () => {
  writeFileSync(path, 'long ago\n')
  expect(await more()).toEqual([])
  appendFileSync(path, 'one\ntwo\n\nhalf a li')
  expect(await more()).toEqual(['one', 'two'])
  expect(await more()).toEqual([])
  appendFileSync(path, 'ne\nthree\n')
  expect(await more()).toEqual(['half a line', 'three'])
})

test('a rotation loses nothing of either file', async () => {
  writeFileSync(path, 'long ago\n')
  await more()
  appendFileSync(path, 'before\nlast without a feed')
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'after\n')
  expect(await more()).toEqual(['before', 'last without a feed', 'after'])
  expect(await more()).toEqual([])
  renameSync(`${path}.1`, `${path}.2`)
  rmSync(`${path}.2`)
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'a third\n')
  expect(await more()).toEqual(['a third'])
})

test('a file that was copied and emptied is read from its beginning', async () => {
  writeFileSync(path, 'a line that is long\n')
  await more()
  truncateSync(path)
  appendFileSync(path, 'new\n')
  expect(await more()).toEqual(['new'])
})

test('a flood is read in parts, and one too large to catch up with is passed over', async () => {
  writeFileSync(path, '')
  await more()
  const block = `${'x'.repeat(99)}\n`.repeat(10_000)
  for (let count = 0; count < 6; count++) appendFileSync(path, block)
  const counts = [(await more()).length, (await more()).length, (await more()).length]
  expect(counts.reduce((sum, count) => sum + count)).toBe(60_000)
  expect(counts[2]).toBe(0)
  for (let count = 0; count < 36; count++) appendFileSync(path, block)
  appendFileSync(path, 'the last\n')
  const late = await more()
  expect(late.length).toBeLessThan(50_000)
  expect(late.at(-1)).toBe('the last')
})

test('a link in the place of the log is not followed, and a missing one is no log', async () => {
  symlinkSync('/etc/passwd', path)
  await expect(more()).rejects.toThrow('ELOOP')
  expect(await fileTail(join(folder, 'none'), () => undefined)()).toContain('no ')
})
