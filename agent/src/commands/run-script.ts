import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandOutcome } from '@breeze/contract/agent-commands'
import type { ScriptEnvironment } from '../config.ts'
import type { Execution, Executor } from '../executor.ts'
import { fault } from '../faults.ts'
import { BoundedOutput } from './bounded-output.ts'
import { findInterpreter, type FoundInterpreter } from './interpreters.ts'
import { endExecution, EXECUTION_TAG } from './process-tree.ts'

/** From TERM to KILL. */
const GRACE_MS = 2000
/** The same for what a script leaves behind when it ends by itself. */
const LEFTOVER_GRACE_MS = 200
/** How long after the script's own end a child that holds its output is listened to. */
const DRAIN_MS = 500
/** Beyond what is kept, output is only counted: after this many bytes the pipe rests, so that a flood costs little. */
const REST_AFTER_BYTES = 256 * 1024
const REST_MS = 10

export interface RunScriptOptions {
  stateDirectory: string
  environment: ScriptEnvironment
}

type End =
  | { kind: 'exit'; exitCode: number | null; signal: string | null }
  | { kind: 'timeout' }
  | { kind: 'stopped' }
  | { kind: 'spawn_error'; message: string }

/** Scripts left by a crash are of no use to anyone. */
export async function clearScriptDirectory(stateDirectory: string): Promise<void> {
  await rm(scriptDirectory(stateDirectory), { recursive: true, force: true })
}

export function runScript(options: RunScriptOptions): Executor<'script.run'> {
  return {
    type: 'script.run',
    async unsupported({ args }) {
      if (process.platform !== 'linux') return `scripts are not supported by this agent on ${process.platform} yet`
      const found = await findInterpreter(args.language, options.environment.path)
      return found ? undefined : `no interpreter for ${args.language} is installed on this device`
    },
    async run(execution) {
      const interpreter = await findInterpreter(execution.args.language, options.environment.path)
      if (!interpreter) throw new Error(`The interpreter for ${execution.args.language} has gone`)
      await mkdir(scriptDirectory(options.stateDirectory), { recursive: true, mode: 0o700 })
      // mkdtemp makes it 0700.
      const folder = await mkdtemp(join(scriptDirectory(options.stateDirectory), 'run-'))
      try {
        const path = join(folder, `script.${interpreter.extension}`)
        await writeFile(path, execution.args.content, { mode: 0o700 })
        return { outcome: await runFile(path, interpreter, execution, options.environment) }
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }
}

async function runFile(
  path: string,
  interpreter: FoundInterpreter,
  execution: Execution<'script.run'>,
  environment: ScriptEnvironment,
): Promise<CommandOutcome> {
  const { commandId, args, signal } = execution
  const startedAt = new Date()
  const started = performance.now()
  const output = new BoundedOutput()
  const child = start([interpreter.path, ...interpreter.flags, path, ...args.arguments], commandId, environment)
  fault('script.spawned')
  const closed = collect(child, output)
  const end = await waitForEnd(child, args.timeoutSeconds * 1000, signal)
  fault('script.exited')
  // Whatever the end, what is left of the execution goes: a child may hold the output open, or have become a daemon.
  if (end.kind === 'exit') await Promise.race([closed, sleep(DRAIN_MS)])
  const grace = end.kind === 'exit' ? LEFTOVER_GRACE_MS : GRACE_MS
  const survivors = end.kind === 'spawn_error' ? 0 : await endExecution(commandId, child.pid, grace)
  if (end.kind !== 'spawn_error') await Promise.race([closed, sleep(DRAIN_MS)])
  child.stdout?.destroy()
  return {
    ...describe(end, args.timeoutSeconds, survivors, child),
    ...output.result(),
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    durationMs: Math.round(performance.now() - started),
  }
}

/** `exec … 2>&1` puts both streams into one pipe, the only way to keep the order in which the script wrote. */
function start(argv: readonly string[], commandId: string, environment: ScriptEnvironment): ChildProcess {
  return spawn('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...argv], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: environment.path, HOME: environment.home, LANG: 'C.UTF-8', [EXECUTION_TAG]: commandId },
  })
}

/** Settles when the last writer has closed the pipe. */
function collect(child: ChildProcess, output: BoundedOutput): Promise<void> {
  const stream: Readable | null = child.stdout
  if (!stream) return Promise.resolve()
  let sinceRest = 0
  stream.on('data', (chunk: Buffer) => {
    output.add(chunk)
    sinceRest += chunk.length
    if (!output.full || sinceRest < REST_AFTER_BYTES) return
    sinceRest = 0
    stream.pause()
    setTimeout(() => stream.resume(), REST_MS)
  })
  return new Promise((resolve) => {
    stream.once('close', () => resolve())
    stream.once('error', () => resolve())
  })
}

function waitForEnd(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<End> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle({ kind: 'timeout' }), timeoutMs)
    const stop = () => settle({ kind: 'stopped' })
    const settle = (end: End) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve(end)
    }
    child.once('exit', (exitCode, name) => settle({ kind: 'exit', exitCode, signal: name }))
    child.once('error', (error) => settle({ kind: 'spawn_error', message: error.message }))
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
  })
}

function describe(end: End, timeoutSeconds: number, survivors: number, child: ChildProcess): CommandOutcome {
  const left = survivors > 0 ? `; ${survivors} process(es) could not be killed` : ''
  switch (end.kind) {
    case 'exit':
      return {
        state: end.exitCode === 0 ? 'succeeded' : 'failed',
        exitCode: end.exitCode,
        signal: end.signal,
        ...(left && { reason: left.slice(2) }),
      }
    case 'timeout':
      return {
        state: 'timed_out',
        reason: `The script ran longer than ${timeoutSeconds} s and was killed${left}`,
        exitCode: child.exitCode,
        signal: child.signalCode,
      }
    case 'stopped':
      return {
        state: 'interrupted',
        reason: `The agent was stopped while the script ran, and the script was killed${left}`,
        exitCode: child.exitCode,
        signal: child.signalCode,
      }
    case 'spawn_error':
      return { state: 'failed', reason: `The script could not be started: ${end.message}`.slice(0, 500) }
  }
}

function scriptDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'scripts')
}
