import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandOutcome, ScriptArgs } from '@breeze/contract/agent-commands'
import type { AgentFrame } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readProcesses } from '../platform/linux-processes.ts'
import { ExecutionCgroup } from './execution-cgroup.ts'
import { sweepExecution } from './process-tree.ts'
import { runScript } from './run-script.ts'
import { clearScriptDirectory } from './script-file.ts'

const cgroup = await ExecutionCgroup.create(randomUUID())
await cgroup?.remove()
const hasCgroups = cgroup !== undefined

const PATH = process.env['PATH'] ?? ''
let folder: string
let commandId: string
let told: AbortController
let frames: AgentFrame[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-isolation-test-'))
  commandId = randomUUID()
  told = new AbortController()
  frames = []
})
afterEach(async () => {
  // Whatever the test was about: no cgroup is left behind.
  expect(await ExecutionCgroup.find(commandId)).toBeUndefined()
  await clearScriptDirectory(folder)
  rmSync(folder, { recursive: true, force: true })
})

function execution(content: string, options: Partial<ScriptArgs>) {
  return {
    commandId,
    args: { language: 'bash' as const, content, arguments: [], timeoutSeconds: 20, ...options },
    signal: told.signal,
    reply: async (frame: AgentFrame) => frames.push(frame) > 0,
    tell: async () => ({}),
  }
}
const executor = () => runScript({ stateDirectory: folder, environment: { path: PATH, home: '/root' } })
async function run(content: string, options: Partial<ScriptArgs> = {}): Promise<CommandOutcome> {
  return (await executor().run(execution(content, options))).outcome
}
const chunks = () => frames.flatMap((frame) => (frame.type === 'output' ? [frame.text] : []))

/** A number of seconds to sleep that no other process on this machine sleeps. */
const uniqueSleep = () => `${100 + Math.floor(Math.random() * 1000)}.${Math.floor(Math.random() * 1_000_000_000)}`
function sleepers(seconds: string): number[] {
  return readProcesses().flatMap(({ pid, state }) => {
    const path = `/proc/${pid}/cmdline`
    return state !== 'Z' && existsSync(path) && readCommandLine(path).includes(seconds) ? [pid] : []
  })
}
function readCommandLine(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended in between.
    return ''
  }
}

test.runIf(hasCgroups)('a script runs in a cgroup of its own, together with its children', async () => {
  const { output } = await run('grep ^0:: /proc/self/cgroup; (setsid grep ^0:: /proc/self/cgroup)')
  const [own, child] = (output ?? '').trim().split('\n')
  expect(own).toMatch(new RegExp(`breeze-${commandId}$`))
  expect(child).toBe(own)
})

test.runIf(hasCgroups)('a daemon that hides from every other mark is held by the cgroup', async () => {
  const seconds = uniqueSleep()
  // No environment, a session of its own, and no living parent.
  const outcome = await run(`env -i /usr/bin/setsid /bin/sh -c '(sleep ${seconds} &)' ; sleep 0.1; echo done`)
  expect(outcome).toMatchObject({ state: 'succeeded', output: 'done\n' })
  expect(sleepers(seconds)).toEqual([])
})

test.runIf(hasCgroups)('a process that moved to another cgroup is found by its mark', async () => {
  const seconds = uniqueSleep()
  const cgroup = await ExecutionCgroup.create(commandId)
  const parent = join(cgroup?.path ?? '', '..', 'cgroup.procs')
  const outcome = await run(`setsid sh -c 'echo 0 > ${parent}; exec sleep ${seconds}' & sleep 0.2; echo moved`)
  expect(outcome).toMatchObject({ state: 'succeeded', output: 'moved\n' })
  expect(sleepers(seconds)).toEqual([])
})

test.runIf(hasCgroups)('cgroups that a script makes inside its own are removed with it', async () => {
  const seconds = uniqueSleep()
  const { output } = await run(
    `own=$(dirname "$(ls -d /sys/fs/cgroup/breeze-${commandId} /sys/fs/cgroup/*/breeze-${commandId} 2>/dev/null)/x")
     mkdir "$own/a" "$own/a/b" && echo made
     env -i /usr/bin/setsid /bin/sh -c "echo 0 > $own/a/b/cgroup.procs; (sleep ${seconds} &)"; sleep 0.1`,
  )
  expect(output).toBe('made\n')
  expect(sleepers(seconds)).toEqual([])
})

test('what a killed agent left running is ended by the next, and its cgroup removed', async () => {
  const seconds = uniqueSleep()
  const abandoned = run(`sleep ${seconds}`)
  await vi.waitFor(() => expect(sleepers(seconds)).toHaveLength(1), { timeout: 5000 })
  await sweepExecution(commandId)
  expect(sleepers(seconds)).toEqual([])
  expect(await abandoned).toMatchObject({ state: 'failed', exitCode: null })
})

test('a cancel ends the whole tree and keeps what was written', async () => {
  const seconds = uniqueSleep()
  const running = run(`echo before; trap '' TERM; setsid -f sleep ${seconds}; sleep ${seconds}; echo after`)
  await vi.waitFor(() => expect(chunks()).toEqual(['before\n']), { timeout: 5000 })
  told.abort('cancelled')
  expect(await running).toMatchObject({ state: 'cancelled', exitCode: null, output: 'before\n' })
  expect(sleepers(seconds)).toEqual([])
})

test('output arrives while the script runs, and the chunks together are the output', async () => {
  const proceed = join(folder, 'proceed')
  const running = run(
    `echo one; while [ ! -e ${proceed} ]; do sleep 0.05; done; for i in $(seq 2000); do echo ü$i; done`,
  )
  await vi.waitFor(() => expect(chunks()).toEqual(['one\n']), { timeout: 5000 })
  writeFileSync(proceed, '')
  const { output } = await running
  expect(chunks().join('')).toBe(output)
  expect(frames.flatMap((f) => (f.type === 'output' ? [f.sequence] : []))).toEqual(chunks().map((_, n) => n))
})

test('runs as another user, with that user’s groups, home and nothing of the agent’s', async () => {
  const outcome = await run(
    'id -un; id -G; echo "$HOME $USER $LOGNAME"; pwd; cat "$0" >/dev/null && echo readable; ls "$(dirname "$0")" 2>&1 >/dev/null; ls /root >/dev/null 2>&1 || echo shut; grep CapEff /proc/self/status',
    { runAs: 'nobody' },
  )
  expect(outcome.state).toBe('succeeded')
  const lines = (outcome.output ?? '').split('\n')
  expect(lines.slice(0, 5)).toEqual(['nobody', '65534', '/nonexistent nobody nobody', '/', 'readable'])
  expect(lines).toContain('shut')
  expect(lines.at(-2)).toMatch(/0{16}$/)
})

test.each(['bash', 'sh', 'python'] as const)('%s runs as another user', async (language) => {
  const content = language === 'python' ? 'import os, sys; print(os.getuid()); sys.exit(3)' : 'id -u; exit 3'
  expect(await run(content, { runAs: 'nobody', language })).toMatchObject({ exitCode: 3, output: '65534\n' })
})

test('the script of another user is gone afterwards', async () => {
  const { output } = await run('echo "$0"', { runAs: 'nobody' })
  const path = (output ?? '').trim()
  expect(path).toMatch(/^\/run\/breeze-agent-scripts\//)
  expect(existsSync(path)).toBe(false)
  expect(readdirSync(join(path, '..', '..'))).toEqual([])
})

test('the processes of another user are ended too', async () => {
  const seconds = uniqueSleep()
  const outcome = await run(
    `setsid -f sleep ${seconds}; env -i /usr/bin/setsid sh -c "(sleep ${seconds} &)"; sleep 60`,
    {
      runAs: 'nobody',
      timeoutSeconds: 1,
    },
  )
  expect(outcome.state).toBe('timed_out')
  expect(sleepers(seconds)).toEqual([])
})

test.each(['no-such-user', '-c', '0', '../root', 'root:x', ''])('the user %j is refused clearly', async (runAs) => {
  expect(await run('id', { runAs })).toEqual({
    state: 'failed',
    reason: `This device has no user ${JSON.stringify(runAs)}`,
  })
})

test('the working folder is where the script starts', async () => {
  const own = join(folder, '-odd name; $(id)')
  mkdirSync(own)
  expect((await run('pwd', { workingDirectory: own })).output).toBe(`${own}\n`)
  chmodSync(folder, 0o711)
  expect((await run('pwd', { workingDirectory: own, runAs: 'nobody' })).output).toBe(`${own}\n`)
})

test.each([
  ['missing', () => join(folder, 'missing'), 'The working folder does not exist or is not a folder'],
  ['a file', () => '/etc/passwd', 'The working folder does not exist or is not a folder'],
  ['relative', () => 'tmp', 'The working folder must be an absolute path'],
])('a working folder that is %s is a clear failure', async (_, path, reason) => {
  expect(await run('pwd', { workingDirectory: path() })).toEqual({ state: 'failed', reason })
})

test('a working folder that the user may not enter is a clear failure', async () => {
  expect(await run('pwd', { workingDirectory: folder, runAs: 'nobody' })).toEqual({
    state: 'failed',
    reason: 'nobody may not enter the working folder',
  })
})
