import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Unsupported } from '../../collectors/section.ts'
import { isCancelled } from '../../executor.ts'
import { exists } from '../files.ts'
import { baseEnvironment, runProgram } from '../run-program.ts'
import type { Work } from './installer.ts'

const GRACE_MS = 10_000
/** The end of the output is kept: that is where a package manager says what went wrong. */
const KEPT_BYTES = 2_000_000

export interface LongResult {
  /** Null when a signal ended it. */
  exitCode: number | null
  /** stdout and stderr as they came. */
  text: string
  timedOut: boolean
}

/**
 * Runs a package manager. It must not die with this agent in the middle of an installation: it writes to a file instead of a
 * pipe, and stands outside the agent's control group. When the agent stops, it is left alone and this rejects; after the
 * deadline it is ended.
 */
export async function runLong(
  program: string,
  args: readonly string[],
  work: Work,
  environment: Record<string, string>,
): Promise<LongResult> {
  const path = join(work.folder, `package-manager-${randomUUID()}.log`)
  const file = await open(path, 'wx+', 0o600)
  try {
    const [first = '', ...rest] = [...(await outsideOwnGroup()), program, ...args]
    const child = spawn(first, rest, {
      cwd: '/',
      env: { ...baseEnvironment(), ...environment },
      stdio: ['ignore', file.fd, file.fd],
      detached: true,
    })
    const end = await ended(child, program, work)
    return { ...end, text: await tailOf(file) }
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}

let outside: Promise<readonly string[]> | undefined

/** Stopping a systemd unit kills what is in its control group. */
function outsideOwnGroup(): Promise<readonly string[]> {
  return (outside ??= findScope())
}

async function findScope(): Promise<readonly string[]> {
  if (!(await exists('/run/systemd/system'))) return []
  const scope = ['systemd-run', '--scope', '--quiet', '--collect', '--'] as const
  const [program, ...args] = scope
  const probe = await runProgram(program, [...args, 'true']).catch(() => undefined)
  return probe?.exitCode === 0 ? scope : []
}

function ended(child: ChildProcess, program: string, { deadline, signal }: Work): Promise<Omit<LongResult, 'text'>> {
  const { promise, resolve, reject } = Promise.withResolvers<Omit<LongResult, 'text'>>()
  let timedOut = false
  const kill = (name: 'SIGTERM' | 'SIGKILL'): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, name)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) reject(error)
    }
  }
  const timers = [
    setTimeout(
      () => {
        timedOut = true
        kill('SIGTERM')
        timers.push(setTimeout(() => kill('SIGKILL'), GRACE_MS))
      },
      Math.max(0, deadline - performance.now()),
    ),
  ]
  const stopped = (): void => {
    if (isCancelled(signal)) return
    child.unref()
    reject(new DOMException(`The agent was stopped while ${program} worked; it goes on by itself`, 'AbortError'))
  }
  if (signal.aborted) stopped()
  signal.addEventListener('abort', stopped)
  child.once('exit', (exitCode) => resolve({ exitCode, timedOut }))
  child.once('error', (error) => {
    const missing = 'code' in error && error.code === 'ENOENT'
    reject(missing ? new Unsupported(`${program} is not installed`) : error)
  })
  return promise.finally(() => {
    for (const timer of timers) clearTimeout(timer)
    signal.removeEventListener('abort', stopped)
  })
}

async function tailOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat()
  const start = Math.max(0, size - KEPT_BYTES)
  const buffer = Buffer.alloc(size - start)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
  return buffer.subarray(0, bytesRead).toString()
}
