import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { ConfigError } from '../config.ts'
import { RotatingLog } from './rotating-log.ts'

export interface SupervisorOptions {
  /** Program and arguments of the agent. */
  command: readonly [string, ...string[]]
  log: { write(line: string): void }
  firstDelayMs?: number
}

const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 60_000
/** A run of this length was healthy: the next crash starts again with the short delay. */
const HEALTHY_MS = 60_000
/** More than the agent takes to end a stubborn script. */
const GRACE_MS = 12_000

/**
 * Runs the agent and starts it again whenever it ends, with growing pauses. SIGTERM ends the agent, and then this.
 * Where systemd runs, it does this; elsewhere nobody would.
 */
export async function supervise({ command, log, firstDelayMs = FIRST_DELAY_MS }: SupervisorOptions): Promise<void> {
  let child: ChildProcess | undefined
  let delayMs = firstDelayMs
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  stop.signal.addEventListener('abort', () => {
    child?.kill('SIGTERM')
    setTimeout(() => child?.kill('SIGKILL'), GRACE_MS).unref()
  })
  while (!stop.signal.aborted) {
    const began = performance.now()
    const [program, ...args] = command
    child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const end = await ended(child, log)
    if (stop.signal.aborted) break
    if (performance.now() - began > HEALTHY_MS) delayMs = firstDelayMs
    say(log, 'agent_ended', { end, restartMs: delayMs })
    await pause(delayMs, stop.signal)
    delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)
  }
  process.off('SIGTERM', onSignal)
  process.off('SIGINT', onSignal)
  say(log, 'supervisor_stopped', {})
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

/** `supervise --log FILE --pid FILE -- ARGUMENTS OF THE AGENT`, as the init script calls it. */
export async function superviseCommand(argv: readonly string[], self: readonly [string, ...string[]]): Promise<void> {
  const end = argv.indexOf('--')
  const { log, pid } = parseArgs({
    args: end === -1 ? [...argv] : argv.slice(0, end),
    options: { log: { type: 'string' }, pid: { type: 'string' } },
  }).values
  if (log === undefined || pid === undefined) throw new ConfigError('supervise needs --log and --pid')
  writeFileSync(pid, `${process.pid}\n`)
  try {
    const command: [string, ...string[]] = [...self, ...(end === -1 ? [] : argv.slice(end + 1))]
    await supervise({ command, log: new RotatingLog({ path: log }) })
  } finally {
    rmSync(pid, { force: true })
  }
}
