import { fork, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { AGENT_FLAGS } from './agent-flags.ts'

export interface LocalAgentOptions {
  /** The agent's bundle. */
  entry: string
  args: string[]
  /** The agent's whole environment: nothing of ours is added, so no secret of the server's gets there. */
  env: NodeJS.ProcessEnv
  log(line: string): void
}

/** The agent on the server's own machine. */
export interface LocalAgent {
  /** Ends it (SIGTERM, after 5 s SIGKILL) and keeps it from coming back. */
  stop(): Promise<void>
  /** Undefined between two runs. */
  pid(): number | undefined
}

type State = { name: 'running'; child: ChildProcess } | { name: 'waiting'; timer: NodeJS.Timeout } | { name: 'stopped' }

const firstDelayMs = 500
const longestDelayMs = 30_000
/** A run of this length counts as healthy: the next failure starts again with the short delay. */
const healthyMs = 60_000
const graceMs = 5000

/**
 * Runs the agent as a child and starts it again when it ends, after delays from half a second that double up to half a minute.
 * The IPC channel is the tie: it closes when the server dies, however that happens, and the agent then exits.
 */
export function superviseAgent({ entry, args, env, log }: LocalAgentOptions): LocalAgent {
  let delayMs = firstDelayMs
  let state: State = run()

  function run(): State {
    const started = Date.now()
    // A group of its own: Ctrl-C in the server's terminal must not look like a crash of the agent.
    const child = fork(entry, args, {
      env,
      execArgv: [...AGENT_FLAGS],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    })
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', log)
    }
    let over = false
    const again = (reason: string) => {
      if (over || state.name === 'stopped') return
      over = true
      if (Date.now() - started > healthyMs) delayMs = firstDelayMs
      log(`the local agent ended (${reason}) and starts again in ${delayMs / 1000} s`)
      state = { name: 'waiting', timer: setTimeout(() => (state = run()), delayMs) }
      delayMs = Math.min(delayMs * 2, longestDelayMs)
    }
    // A child that cannot be spawned reports an error and no exit.
    child.once('error', (error) => again(error.message))
    child.once('exit', (code, signal) => again(signal ?? `exit code ${code}`))
    return { name: 'running', child }
  }

  return {
    async stop() {
      const last = state
      state = { name: 'stopped' }
      if (last.name === 'waiting') clearTimeout(last.timer)
      if (last.name === 'running') await end(last.child)
    },
    pid: () => (state.name === 'running' ? state.child.pid : undefined),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.kill('SIGTERM')
  await exited
  clearTimeout(timer)
}
