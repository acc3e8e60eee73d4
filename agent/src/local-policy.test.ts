import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandBody } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { script } from '../test/stub-server.ts'
import { LocalPolicy } from './local-policy.ts'

let folder: string
let path: string
let logged: string[]
let policy: LocalPolicy
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-policy-test-'))
  path = join(folder, 'policy.json')
  logged = []
  policy = new LocalPolicy(path, (event) => logged.push(event))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (content: unknown) =>
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o644 })
const PYTHON = script('python', '')
const LIST: CommandBody = { type: 'files.list', args: { path: '/', limit: 1 } }
const PUT: CommandBody = { type: 'files.put', args: { path: '/x', content: '', overwrite: false } }
const denied = async () => ({
  python: await policy.denies(PYTHON),
  bash: await policy.denies(script('bash', '')),
  list: await policy.denies(LIST),
  put: await policy.denies(PUT),
})
const NOTHING = { python: false, bash: false, list: false, put: false }
const EVERYTHING = { python: true, bash: true, list: true, put: true }

test('without a file nothing is denied', async () => {
  expect(await denied()).toEqual(NOTHING)
  expect(await new LocalPolicy(join(folder, 'no', 'folder', 'policy.json'), () => {}).denies(LIST)).toBe(false)
})

test.each([
  [['script.*'], { ...NOTHING, python: true, bash: true }],
  [['script.run'], { ...NOTHING, python: true, bash: true }],
  [['script.python', 'files.put'], { ...NOTHING, python: true, put: true }],
  [['files.*'], { ...NOTHING, list: true, put: true }],
  [['*'], EVERYTHING],
  [[], NOTHING],
])('%j denies what it names', async (deny, expected) => {
  write({ deny })
  expect(await denied()).toEqual(expected)
})

test('scripts as another user can be denied alone', async () => {
  write({ deny: ['script.run_as'] })
  expect(await policy.denies(PYTHON)).toBe(false)
  const args = { language: 'sh' as const, content: '', arguments: [], timeoutSeconds: 1, runAs: 'nobody' }
  expect(await policy.denies({ type: 'script.run', args })).toBe(true)
})

test('a change counts at once', async () => {
  write({ deny: ['files.put'] })
  expect((await denied()).put).toBe(true)
  write({ deny: [] })
  expect((await denied()).put).toBe(false)
})

test.each([
  ['is not JSON', '{"deny":'],
  ['is empty', ''],
  ['has an unknown key', { deni: ['script.*'] }],
  ['has a pattern that names nothing', { deny: ['script*'] }],
  ['has a relative path', { denyPaths: ['srv'] }],
  ['is too large', `{"deny":[]}${' '.repeat(70_000)}`],
])('a file that %s denies everything, loudly', async (_, content) => {
  write(content)
  expect(await denied()).toEqual(EVERYTHING)
  expect(await policy.denyPaths()).toEqual(['/'])
  expect(logged).toContain('policy_broken_everything_is_denied')
})

test.each([
  ['another user owns', () => chownSync(path, 65_534, 0)],
  ['the group may write to', () => chmodSync(path, 0o664)],
  ['anybody may write to', () => chmodSync(path, 0o646)],
  ['anybody may replace', () => chmodSync(folder, 0o777)],
  ['is a folder', () => (rmSync(path), symlinkSync(tmpdir(), path))],
])('a file that %s is not believed', async (_, spoil) => {
  write({ deny: [] })
  spoil()
  expect(await denied()).toEqual(EVERYTHING)
})

test('that it is gone is not believed where anybody could have taken it away', async () => {
  write({ deny: ['script.*'] })
  chmodSync(folder, 0o777)
  renameSync(path, `${path}.gone`)
  expect(await denied()).toEqual(EVERYTHING)
})
