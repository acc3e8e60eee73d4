import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readService } from './linux-services.ts'
import { parseVariables, stateOf, sysvService, sysvServices, type SysvFolders } from './sysv.ts'

let root: string
let folders: SysvFolders
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'breeze-sysv-'))
  folders = { scripts: join(root, 'init.d'), runlevels: root, run: join(root, 'run') }
  for (const folder of ['init.d', 'run', 'rc2.d', 'rc3.d', 'rcS.d']) mkdirSync(join(root, folder))
})
afterEach(() => rmSync(root, { recursive: true }))

function script(name: string, body: string, mode = 0o755): string {
  const path = join(folders.scripts, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, mode)
  return path
}
const answering = (status: string) => `case "$1" in\nstatus) ${status} ;;\n*) touch ${root}/acted ;;\nesac`
const link = (level: string, name: string) => symlinkSync('../init.d/x', join(root, `rc${level}.d`, name))
const state = async (name: string) => (await sysvService(name, folders))?.state

test('every service says what service --status-all says', async () => {
  const { stdout, stderr } = spawnSync('service', ['--status-all'], { encoding: 'utf8' })
  const lines = [...`${stdout}${stderr}`.matchAll(/^ \[ ([+?-]) \] {2}(\S+)$/gm)]
  const theirs = new Map(lines.map(([, mark = '', name = '']) => [name, mark]))
  const ours = await sysvServices()
  expect(ours.map(({ name }) => name)).toEqual([...theirs.keys()].sort())
  for (const { name, state: found } of ours) {
    // `service` puts everything but a clear yes under `-`, also a script that says it does not know (4).
    const allowed = { '+': ['running'], '-': ['stopped', 'failed', 'unknown'], '?': ['unknown'] }[
      theirs.get(name) ?? ''
    ]
    expect(allowed, name).toContain(found)
    const { status } = spawnSync(`/etc/init.d/${name}`, ['status'], { stdio: 'ignore' })
    if (found === 'stopped') expect([0, 1, 3], name).toContain(status)
    if (found === 'unknown') expect([1, 2, 4], name).toContain(status)
  }
})

test('the start type is what the runlevel folders say', async () => {
  for (const { name, start } of await sysvServices()) {
    const found = execFileSync('sh', ['-c', `ls -d /etc/rc[2345S].d/S??${name} 2>/dev/null | wc -l`]).toString()
    expect(start === 'automatic', name).toBe(Number(found) > 0)
  }
})

test('a start link, a kill link and none are three start types', async () => {
  for (const name of ['on', 'off', 'none']) script(name, answering('exit 3'))
  link('2', 'S01on')
  link('2', 'K01off')
  const found = await sysvServices(folders)
  expect(found.map(({ name, start }) => [name, start])).toEqual([
    ['none', 'manual'],
    ['off', 'disabled'],
    ['on', 'automatic'],
  ])
})

test.each([
  ['exit 0', 'running'],
  ['exit 3', 'stopped'],
  ['exit 2', 'failed'],
  ['exit 4', 'unknown'],
  ['exit 77', 'unknown'],
  ['echo "Usage: x {start|stop}"; exit 0', 'unknown'],
])('status "%s" is %s', async (body, expected) => {
  script('x', answering(body))
  expect(await state('x')).toBe(expected)
})

test('exit code 1 is a failure only where something was left behind', async () => {
  script('x', answering('exit 1'))
  expect(await state('x')).toBe('stopped')
  writeFileSync(join(folders.run, 'x.pid'), '4194304\n')
  expect(await state('x')).toBe('failed')
})

test('the pid comes from the file that the script names', async () => {
  script('x', `NAME=thing\nPIDFILE=${folders.run}/$NAME/main.pid\nLSB="# not me"\n${answering('exit 0')}`)
  mkdirSync(join(folders.run, 'thing'))
  writeFileSync(join(folders.run, 'thing/main.pid'), `${process.pid}\n`)
  expect(await sysvService('x', folders)).toMatchObject({ state: 'running', pid: process.pid })
})

test('no script is run for a name outside the folder, nor one that does not know status', async () => {
  writeFileSync(join(root, 'outside'), `#!/bin/sh\ntouch ${root}/acted\necho status`, { mode: 0o755 })
  script('acts-on-anything', `touch ${root}/acted`)
  script('anybodys', answering('exit 0'), 0o777)
  script('rc', answering('exit 0'))
  expect(await state('../outside')).toBeUndefined()
  expect(await state('..')).toBeUndefined()
  expect(await state(join(root, 'outside'))).toBeUndefined()
  expect(await state('acts-on-anything')).toBe('unknown')
  expect(await state('anybodys')).toBeUndefined()
  expect(await state('rc')).toBeUndefined()
  expect(existsSync(join(root, 'acted'))).toBe(false)
})

test('a script that hangs is unknown and ends', async () => {
  script('hangs', answering('sleep 54321'))
  script('works', answering('exit 0'))
  const found = await sysvServices(folders)
  expect(found.map(({ name, state: told }) => [name, told])).toEqual([
    ['hangs', 'unknown'],
    ['works', 'running'],
  ])
  expect(execFileSync('ps', ['-eo', 'args']).toString()).not.toContain('sleep 54321')
})

test("one service of this machine's is read by its name", async () => {
  const [first] = await sysvServices()
  if (!first) return
  expect(await readService(first.name)).toEqual(first)
  expect(await readService('no-such-service')).toBeUndefined()
})

test('a script without a daemon that says nothing does not run', () => {
  const variables = parseVariables('PIDFILE=none\nDAEMON=`which x`\nexport A="b c"')
  expect(variables.get('A')).toBe('b c')
  expect(variables.has('DAEMON')).toBe(false)
  expect(stateOf(0, '', { pid: { state: 'none' }, variables })).toBe('stopped')
})
