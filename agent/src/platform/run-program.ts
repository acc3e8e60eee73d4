import { type ChildProcess, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable } from 'node:stream'
import { TimedOut, Unsupported } from '../collectors/section.ts'
import { systemVariables } from '../config.ts'

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_BYTES = 1_000_000
/** A daemon that the program started may hold its pipes for ever: silence this long after the exit is the end. */
const PIPE_IDLE_MS = 500
const NICE = 10

export interface RunOptions {
  timeoutMs?: number
  /** Kept of stdout and of stderr, each. What comes beyond is read and dropped. */
  maxBytes?: number
  /** Added to the minimal one. */
  environment?: Record<string, string>
  /** Gives way to everything else on the device. */
  nice?: boolean
  /** Of what it prints. */
  encoding?: 'utf8' | 'utf16le'
}

export interface ProgramResult {
  /** Null when a signal ended it. */
  exitCode: number | null
  stdout: string
  stderr: string
  truncated: boolean
}

/**
 * Runs one of the system's programs and gives what it said: no shell, a minimal environment in the C locale, no stdin.
 * Throws `Unsupported` when there is no such program, and `TimedOut` after killing it with its process group. What the
 * program left running when it ended by itself goes on.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  const {
    timeoutMs = DEFAULT_TIMEOUT_MS,
    maxBytes = DEFAULT_BYTES,
    environment = {},
    nice = false,
    encoding = 'utf8',
  } = options
  const child = spawn(program, [...args], {
    cwd: process.platform === 'win32' ? undefined : '/',
    env: { ...baseEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that all of it can be killed.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const stdout = keep(child.stdout, maxBytes, encoding)
  const stderr = keep(child.stderr, maxBytes, encoding)
  if (nice) yieldToOthers(child)
  const exitCode = await ended(child, program, timeoutMs)
  await Promise.all([stdout.finished(), stderr.finished()])
  return {
    exitCode,
    stdout: stdout.text(),
    stderr: stderr.text(),
    truncated: stdout.truncated() || stderr.truncated(),
  }
}

function ended(child: ChildProcess, program: string, timeoutMs: number): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  const timer = setTimeout(() => {
    killGroup(child)
    reject(new TimedOut(`${program} did not end within ${timeoutMs} ms`))
  }, timeoutMs)
  child.once('exit', (code) => resolve(code))
  child.once('error', (error) => {
    const missing = 'code' in error && error.code === 'ENOENT'
    reject(missing ? new Unsupported(`${program} is not installed`) : error)
  })
  return promise.finally(() => clearTimeout(timer))
}

function killGroup(child: ChildProcess): void {
  child.stdout?.destroy()
  child.stderr?.destroy()
  if (child.pid === undefined) return
  if (process.platform === 'win32') {
    spawn('taskkill.exe', ['/PID', String(child.pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true }).on(
      'error',
      () => child.kill(),
    )
    return
  }
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    // The whole group ended on its own just now.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

interface Kept {
  text(): string
  truncated(): boolean
  finished(): Promise<void>
}

/** There is no stream when the agent is out of file descriptors; the child's `error` event tells. */
function keep(stream: Readable | undefined, maxBytes: number, encoding: 'utf8' | 'utf16le'): Kept {
  const chunks: Buffer[] = []
  let kept = 0
  let total = 0
  stream?.on('data', (chunk: Buffer) => {
    total += chunk.length
    const part = chunk.subarray(0, maxBytes - kept)
    if (part.length > 0) chunks.push(part)
    kept += part.length
  })
  const closed = new Promise<void>((resolve) => stream?.once('close', () => resolve()))
  const idle = async () => {
    for (let before = -1; before !== total;) {
      before = total
      await pause(PIPE_IDLE_MS)
    }
    stream?.destroy()
  }
  return {
    text: () => Buffer.concat(chunks).toString(encoding),
    truncated: () => total > kept,
    finished: () => Promise.race([closed, idle()]),
  }
}

/** Through a timer and the poll phase behind it, so that what waits in the pipe is read even after a blocked moment. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => setImmediate(resolve), milliseconds).unref()
  })
}

function yieldToOthers({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    setPriority(pid, NICE)
  } catch (error) {
    // It ended already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')) throw error
  }
}

export function baseEnvironment(): Record<string, string> {
  if (process.platform === 'win32') return systemVariables()
  const paths = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin', '/opt/homebrew/bin']
  return { PATH: paths.join(':'), LANG: 'C.UTF-8', LC_ALL: 'C' }
}
