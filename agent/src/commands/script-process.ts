import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { isCancelled } from '../executor.ts'

/** Beyond what is kept, output is only counted: after this many bytes the pipe rests, so that a flood costs little. */
const REST_AFTER_BYTES = 256 * 1024
const REST_MS = 10

/**
 * Joins the cgroup (the first argument, empty without one), enters the folder, and gives the process to the program.
 * `exec … 2>&1` puts both streams into one pipe, the only way to keep the order in which the script wrote.
 */
const JOIN = '[ -z "$1" ] || echo 0 > "$1"; shift; exec "$@" 2>&1'
/** The user's own rights decide about the folder, so that user enters it. */
const ENTER = 'cd -- "$1" || exit 126; shift; exec "$@"'

export interface ScriptCommand {
  argv: readonly string[]
  environment: Readonly<Record<string, string>>
  folder: string
  /** The cgroup's list of members. */
  membersFile: string | undefined
  /** Before the program: what makes it another user's. */
  runAs: readonly string[] | undefined
}

export function startScript(command: ScriptCommand): ChildProcess {
  const { argv, environment: env, folder } = command
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
  if (process.platform === 'win32') return startOnWindows(command)
  const program = command.runAs ? [...command.runAs, '/bin/sh', '-c', ENTER, 'sh', folder, ...argv] : argv
  return spawn('/bin/sh', ['-c', JOIN, 'sh', command.membersFile ?? '', ...program], {
    detached: true,
    cwd: command.runAs ? '/' : folder,
    stdio,
    env,
  })
}

/** No shell in between that could read the arguments; both streams have a pipe of their own. */
function startOnWindows({ argv, environment: env, folder: cwd }: ScriptCommand): ChildProcess {
  const [program = '', ...args] = argv
  return spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
}

export interface OutputSink {
  add(chunk: Buffer): void
  /** More is only counted. */
  readonly full: boolean
}

/** Settles when the last writer has closed the pipes. */
export async function collect(child: ChildProcess, sink: OutputSink): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null)
  await Promise.all(streams.map((stream) => collectOne(stream, sink)))
}

function collectOne(stream: Readable, sink: OutputSink): Promise<void> {
  let sinceRest = 0
  stream.on('data', (chunk: Buffer) => {
    sink.add(chunk)
    sinceRest += chunk.length
    if (!sink.full || sinceRest < REST_AFTER_BYTES) return
    sinceRest = 0
    stream.pause()
    setTimeout(() => stream.resume(), REST_MS)
  })
  return new Promise((resolve) => {
    stream.once('close', () => resolve())
    stream.once('error', () => resolve())
  })
}

export type ScriptEnd =
  | { kind: 'exit'; exitCode: number | null; signal: string | null }
  | { kind: 'timeout' }
  | { kind: 'cancelled' }
  | { kind: 'stopped' }
  | { kind: 'spawn_error'; message: string }

export function waitForEnd(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<ScriptEnd> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle({ kind: 'timeout' }), timeoutMs)
    const told = () => settle({ kind: isCancelled(signal) ? 'cancelled' : 'stopped' })
    const settle = (end: ScriptEnd) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', told)
      resolve(end)
    }
    child.once('exit', (exitCode, name) => settle({ kind: 'exit', exitCode, signal: name }))
    child.once('error', (error) => settle({ kind: 'spawn_error', message: error.message }))
    signal.addEventListener('abort', told)
    if (signal.aborted) told()
  })
}
