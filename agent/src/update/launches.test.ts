import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BuildLaunches } from './launches.ts'
import { parseSupervision, supervisionText } from './supervision.ts'
import { bundlePath, readVersions, type Trial, type Versions, writeVersions } from './versions.ts'

const content = 'a build'
const sha256 = createHash('sha256').update(content).digest('hex')
const nothing: Versions = { v: 1, highest: null, current: null, trial: null, ended: [], bad: [] }
const trial: Trial = { version: '0.2.0', sha256, commandId: 'c', from: '0.1.0', probationSeconds: 5, starts: 0 }
let folder: string
let said: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-launches-'))
  mkdirSync(join(folder, 'versions'))
  writeFileSync(bundlePath(folder, sha256), content)
  said = []
})
afterEach(() => rmSync(folder, { recursive: true }))

const launches = (version = '0.1.0') =>
  new BuildLaunches({
    stateDirectory: folder,
    program: ['/opt/program'],
    version,
    argv: ['--state', folder],
    say: (event) => said.push(event),
  })
const PROGRAM = { command: ['/opt/program', '--state', expect.anything()], probationMs: null }
const BUILD = { command: expect.arrayContaining([expect.stringContaining(`${sha256}.cjs`)]) }
const crashed = { end: 'exit code 9', outOfTime: false }

test('without a record, the installed program runs', async () => {
  expect(await launches().next(null)).toMatchObject(PROGRAM)
})

test('what proved itself runs, unless the installed program is as new or the file is damaged', async () => {
  await writeVersions(folder, { ...nothing, current: { version: '0.2.0', sha256 } })
  expect(await launches().next(null)).toMatchObject({ ...BUILD, probationMs: null })
  expect(await launches('0.2.0').next(null)).toMatchObject(PROGRAM)
  expect(await launches('0.3.0').next(null)).toMatchObject(PROGRAM)
  writeFileSync(bundlePath(folder, sha256), 'another build')
  expect(await launches().next(null)).toMatchObject(PROGRAM)
  expect(said).toEqual(['build_damaged'])
})

test('a trial is counted before it runs, also over restarts of the supervisor, and put away after three', async () => {
  await writeVersions(folder, { ...nothing, trial })
  for (const starts of [1, 2, 3]) {
    expect(await launches().next(starts === 1 ? null : crashed)).toMatchObject({ ...BUILD, probationMs: 5000 })
    expect(await readVersions(folder)).toMatchObject({ trial: { starts } })
  }
  expect(await launches().next(crashed)).toMatchObject(PROGRAM)
  const reason = 'it ended 3 times before the server let it in, at last with exit code 9'
  expect(await readVersions(folder)).toMatchObject({
    trial: null,
    bad: [{ sha256, reason }],
    ended: [{ commandId: 'c', reason }],
  })
})

test('a trial is put away when its time is over, its file is damaged, or somebody installed as new a program', async () => {
  const reasonAfter = async (version: string, outOfTime: boolean) => {
    await writeVersions(folder, { ...nothing, trial })
    expect(await launches(version).next({ end: 'SIGTERM', outOfTime })).toMatchObject(PROGRAM)
    writeFileSync(bundlePath(folder, sha256), content)
    return (await readVersions(folder)).ended[0]?.reason
  }
  expect(await reasonAfter('0.1.0', true)).toBe('the server did not let it in within 5 s')
  expect(await reasonAfter('0.2.0', false)).toBe('0.2.0 was installed on the machine meanwhile')
  writeFileSync(bundlePath(folder, sha256), 'half')
  expect(await reasonAfter('0.1.0', false)).toBe('the build on the disk is not the one that was fetched')
})

test('a damaged record starts the installed program and keeps the record as it is', async () => {
  writeFileSync(join(folder, 'versions.json'), '{"v":1,')
  expect(await launches().next(null)).toMatchObject(PROGRAM)
  await expect(readVersions(folder)).rejects.toThrow('versions.json is damaged')
})

test('an agent knows its supervisor by being its child', () => {
  const told = supervisionText(sha256)
  expect(parseSupervision(told, [])).toBeUndefined()
  const ofParent = Object.fromEntries(
    Object.entries(told).map(([name, value]) => [name, value.replace(String(process.pid), String(process.ppid))]),
  )
  expect(parseSupervision(ofParent, ['--state', 'x'])).toEqual({
    pid: process.ppid,
    build: sha256,
    argv: ['--state', 'x'],
  })
  expect(parseSupervision({}, [])).toBeUndefined()
})
