import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ScriptArgs } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasEnvironment, readProcesses } from '../platform/linux-processes.ts'
import { EXECUTION_TAG } from './process-tree.ts'
import { runScript } from './run-script.ts'

let folder: string
let commandId: string
const PATH = process.env['PATH'] ?? ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-script-test-'))
  commandId = randomUUID()
})
afterEach(() => {
  expect(survivors()).toEqual([])
  expect(readdirSync(join(folder, 'scripts'))).toEqual([])
  rmSync(folder, { recursive: true, force: true })
})

/** Everything that still carries this test's tag. */
function survivors() {
  return readProcesses().filter((p) => p.state !== 'Z' && hasEnvironment(p.pid, `${EXECUTION_TAG}=${commandId}`))
}

async function run(language: ScriptArgs['language'], content: string, options: Partial<ScriptArgs> = {}) {
  const executor = runScript({ stateDirectory: folder, environment: { path: PATH, home: '/root' } })
  const { outcome } = await executor.run({
    commandId,
    args: { language, content, arguments: [], timeoutSeconds: 20, ...options },
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  })
  return outcome
}

test('tells the exit code and both streams in the order they were written', async () => {
  const outcome = await run('bash', 'for i in 1 2 3; do echo out$i; echo err$i >&2; done; exit 7')
  const output = 'out1\nerr1\nout2\nerr2\nout3\nerr3\n'
  expect(outcome).toMatchObject({ state: 'failed', exitCode: 7, signal: null, output, outputBytes: 30 })
})

test('a script that a signal ended has no exit code', async () => {
  expect(await run('bash', 'kill -SEGV $$')).toMatchObject({ state: 'failed', exitCode: null, signal: 'SIGSEGV' })
})

test('runs python, with its arguments as they are', async () => {
  const outcome = await run('python', 'import sys; print(sys.argv[1:])', { arguments: ['a b', '$(id)', ''] })
  expect(outcome).toMatchObject({ state: 'succeeded', exitCode: 0, output: "['a b', '$(id)', '']\n" })
})

test('the environment holds what a script needs and nothing of the agent', async () => {
  process.env['BREEZE_TEST_SECRET'] = 'secret'
  const outcome = await run('bash', 'env | cut -d= -f1 | sort | tr "\\n" " "; cat; echo "[stdin closed]"')
  delete process.env['BREEZE_TEST_SECRET']
  expect(outcome.output).toBe('BREEZE_EXECUTION_ID HOME LANG PATH PWD SHLVL _ [stdin closed]\n')
})

test('the script lies in a folder only root can enter', async () => {
  const outcome = await run('bash', 'stat -c %a "$(dirname "$0")"')
  expect(outcome.output).toBe('700\n')
})

test('a timeout ends the whole tree, escapees included, and keeps the output', async () => {
  const started = performance.now()
  const outcome = await run(
    'bash',
    'echo before; sleep 60 & setsid sleep 61 & setsid -f bash -c "sleep 62 & sleep 63"; (sleep 64 &) ; wait',
    { timeoutSeconds: 1 },
  )
  expect(outcome).toMatchObject({ state: 'timed_out', exitCode: null, output: 'before\n' })
  expect(performance.now() - started).toBeLessThan(3000)
})

test('a script that ignores TERM is killed', async () => {
  const outcome = await run('bash', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done', { timeoutSeconds: 1 })
  expect(outcome).toMatchObject({ state: 'timed_out', output: 'deaf\n' })
})

test('a child without the tag is found through its parent', async () => {
  const proof = join(folder, 'alive')
  await run('bash', `env -i ${'/usr/bin/setsid'} bash -c 'sleep 1.8; echo > ${proof}' & wait`, { timeoutSeconds: 1 })
  await new Promise((resolve) => setTimeout(resolve, 1200))
  expect(existsSync(proof)).toBe(false)
})

test('a daemon that stays behind is ended and does not hold the result up', async () => {
  const started = performance.now()
  const outcome = await run(
    'bash',
    'setsid -f sleep 60; (setsid bash -c "trap \\"\\" TERM; sleep 61; sleep 62" &); echo done',
  )
  expect(outcome).toMatchObject({ state: 'succeeded', exitCode: 0, output: 'done\n' })
  expect(performance.now() - started).toBeLessThan(2000)
})

test('a flood is kept to one megabyte, its true size told, and timers keep running', async () => {
  let beats = 0
  let longestGap = 0
  let last = performance.now()
  const heart = setInterval(() => {
    beats++
    longestGap = Math.max(longestGap, performance.now() - last)
    last = performance.now()
  }, 20)
  const before = process.memoryUsage().rss
  const outcome = await run('bash', 'yes flood | head -c 50000000')
  const grown = process.memoryUsage().rss - before
  clearInterval(heart)
  expect(outcome).toMatchObject({ state: 'succeeded', outputBytes: 50_000_000, truncated: true })
  expect(outcome.output).toHaveLength(1_000_000)
  expect(beats).toBeGreaterThan(5)
  expect(longestGap).toBeLessThan(500)
  expect(grown).toBeLessThan(80 * 1024 * 1024)
})

test('an endless flood is ended by its timeout', async () => {
  const outcome = await run('bash', 'yes', { timeoutSeconds: 1 })
  expect(outcome).toMatchObject({ state: 'timed_out', truncated: true })
  expect(outcome.outputBytes).toBeGreaterThan(1_000_000)
})

test('a missing interpreter is told before anything starts', async () => {
  const executor = runScript({ stateDirectory: folder, environment: { path: join(folder, 'nowhere'), home: '/' } })
  const reason = await executor.unsupported({
    commandId,
    args: { language: 'powershell', content: '', arguments: [], timeoutSeconds: 1 },
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  })
  expect(reason).toBe('no interpreter for powershell is installed on this device')
  await run('bash', 'true')
})

test('two hundred children are all ended', async () => {
  const outcome = await run('bash', 'for i in $(seq 200); do setsid sleep 60 & done; echo all; wait', {
    timeoutSeconds: 2,
  })
  expect(outcome.state).toBe('timed_out')
}, 20_000)

test('parameters come as variables that no shell reads, and secret ones stay out of what is written', async () => {
  const environment = { PARAM_DAYS: '3; touch /tmp/never', PARAM_PIN: 'hunter2$(id)' }
  const content = 'echo "$PARAM_DAYS"; echo "pin $PARAM_PIN"; printf hunt; sleep 0.05; printf "er2%s" "\\$(id)"'
  const outcome = await run('bash', content, { environment, secrets: ['PARAM_PIN'] })
  expect(outcome).toMatchObject({ state: 'succeeded', output: '3; touch /tmp/never\npin [masked]\n[masked]' })
})
