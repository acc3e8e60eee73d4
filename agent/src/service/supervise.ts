import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from '../config.ts'
import { armFault } from '../faults.ts'
import { BuildLaunches, type Launch, type Launches, type RunEnd } from '../update/launches.ts'
import { AGENT_VERSION } from '../version.ts'
import { RotatingLog } from './rotating-log.ts'

export interface SupervisorOptions {
  /** What is started each time. */
  launches: Launches
  /** What each start inherits. */
  env: NodeJS.ProcessEnv
  log: { write(line: string): void }
  firstDelayMs?: number
}

/** An agent that ends with this code wants to be started again without a pause: it is another version then. */
export const EXIT_AT_ONCE = 4
const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 60_000
/** A run of this length was healthy: the next crash starts again with the short delay. */
const HEALTHY_MS = 60_000
/** More than the agent takes to end a stubborn script. */
const GRACE_MS = 12_000

/**
 * Runs the agent and starts it again whenever it ends, with growing pauses. SIGTERM ends the agent, and then this. A version on
 * trial that the server does not let in within its time is ended, so that the next start puts the former one back.
 */
export async function supervise({
  launches,
  env,
  log,
  firstDelayMs = FIRST_DELAY_MS,
}: SupervisorOptions): Promise<void> {
  let child: ChildProcess | undefined
  let delayMs = firstDelayMs
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  stop.signal.addEventListener('abort', () => {
    if (child) endSoon(child)
  })
  let last: RunEnd | null = null
  while (!stop.signal.aborted) {
    const began = performance.now()
    const launch: Launch = await launches.next(last)
    const [program, ...args] = launch.command
    if (stop.signal.aborted) break
    child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...env, ...launch.env } })
    const probation = watch(child, launch, launches)
    const end = await ended(child, log)
    last = { end, outOfTime: probation.end() }
    if (stop.signal.aborted) break
    if (performance.now() - began > HEALTHY_MS) delayMs = firstDelayMs
    const isAtOnce = end === `exit code ${EXIT_AT_ONCE}`
    say(log, 'agent_ended', { end, restartMs: isAtOnce ? 0 : delayMs })
    if (isAtOnce) continue
    await pause(delayMs, stop.signal)
    delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)
  }
  process.off('SIGTERM', onSignal)
  process.off('SIGINT', onSignal)
  say(log, 'supervisor_stopped', {})
}

function endSoon(child: ChildProcess): void {
  child.kill('SIGTERM')
  setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref()
}

/** Ends what has not proved itself in time. `end` stops the watch and answers whether that happened. */
function watch(child: ChildProcess, { probationMs }: Launch, launches: Launches): { end(): boolean } {
  let isOutOfTime = false
  const judge = async () => {
    if (!(await launches.isOnTrial())) return
    isOutOfTime = true
    endSoon(child)
  }
  // A record that can't be read is as good as a trial that goes on.
  const timer =
    probationMs === null ? undefined : setTimeout(() => void judge().catch(() => endSoon(child)), probationMs)
  return {
    end() {
      clearTimeout(timer)
      return isOutOfTime
    },
  }
}

function ended(child: ChildProcess, log: SupervisorOptions['log']): Promise<string> {
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => log.write(line))
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    // Not `close`: a script that outlived the agent may hold its standard error.
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}

function say(log: SupervisorOptions['log'], event: string, fields: Record<string, string | number>): void {
  log.write(JSON.stringify({ time: new Date().toISOString(), event, ...fields }))
}

/** `supervise [--log FILE --pid FILE] -- ARGUMENTS OF THE AGENT`. Without a file, the log goes to the standard error. */
export async function superviseCommand(
  argv: readonly string[],
  self: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const end = argv.indexOf('--')
  const { log: path, pid } = parseArgs({
    args: end === -1 ? [...argv] : argv.slice(0, end),
    options: { log: { type: 'string' }, pid: { type: 'string' } },
  }).values
  const agentArguments = end === -1 ? [] : argv.slice(end + 1)
  const parsed = readConfig(agentArguments, env)
  if (parsed.kind !== 'run') throw new ConfigError('supervise needs the arguments of an agent that runs')
  armFault(parsed.config.fault)
  const log = path === undefined ? STANDARD_ERROR : new RotatingLog({ path })
  const launches = new BuildLaunches({
    stateDirectory: parsed.config.stateDirectory,
    program: self,
    version: AGENT_VERSION,
    argv: agentArguments,
    say: (event, fields) => say(log, event, fields),
  })
  if (pid !== undefined) writeFileSync(pid, `${process.pid}\n`)
  try {
    await supervise({ launches, env, log })
  } finally {
    if (pid !== undefined) rmSync(pid, { force: true })
  }
}

const STANDARD_ERROR: SupervisorOptions['log'] = { write: (line) => void process.stderr.write(`${line}\n`) }
