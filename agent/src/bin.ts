import { ConfigError, forgetToken, HELP, ownEnvironment, readConfig } from './config.ts'
import { errorText, logToStderr } from './log.ts'
import { runAgent } from './main.ts'
import { guardMemory } from './memory-guard.ts'
import { goingDown } from './platform/going-down.ts'
import { installCommand, uninstallCommand } from './service/commands.ts'
import { EXIT_AT_ONCE, superviseCommand } from './service/supervise.ts'
import { selfCommand } from './self-command.ts'
import type { StopReason } from './stop-reason.ts'
import { launchCommand } from './update/bundle.ts'
import { selfTest } from './update/self-test.ts'
import { AGENT_VERSION, UPDATES_FROM } from './version.ts'

/** Longer than a stubborn script needs to be killed. */
const STOP_PATIENCE_MS = 10_000

const EXIT_FAILED = 1
const EXIT_USAGE = 2
/** A supervisor starts the agent again. */
const EXIT_RESTART = 3

/** Undefined: this process has become another program. */
async function main(argv: readonly string[]): Promise<number | undefined> {
  const [verb, ...rest] = argv
  const context = { env: ownEnvironment(), log: logToStderr, say: (line: string) => process.stdout.write(`${line}\n`) }
  switch (verb) {
    case 'install':
      await installCommand(rest, context)
      return 0
    case 'uninstall':
      await uninstallCommand(context)
      return 0
    case 'supervise':
      await superviseCommand(rest, selfCommand(), ownEnvironment())
      return 0
    case 'launch':
      launchCommand(rest)
      return undefined
    default:
      return run(argv)
  }
}

async function run(argv: readonly string[]): Promise<number> {
  const parsed = readConfig(argv, ownEnvironment())
  if (parsed.kind === 'help') process.stdout.write(HELP)
  if (parsed.kind === 'version') process.stdout.write(`${AGENT_VERSION}\n`)
  // For the server that hands this build out.
  if (parsed.kind === 'release')
    process.stdout.write(`${JSON.stringify({ version: AGENT_VERSION, updatesFrom: UPDATES_FROM })}\n`)
  if (parsed.kind === 'self-test') {
    await selfTest(parsed.config)
    process.stdout.write(`${AGENT_VERSION}\n`)
  }
  if (parsed.kind !== 'run') return 0

  forgetToken()
  // Listened to before anything is awaited, so that a stop during enrollment is a stop too.
  const asked = stopRequest()
  const starting = runAgent({ ...parsed.config, log: logToStderr })
  // Sent by what puts the machine to sleep, before it does.
  process.on('SIGUSR2', () => void starting.then((agent) => agent.sleep()).catch(() => undefined))
  const first = await Promise.race([starting, asked])
  if ('reason' in first) return 0
  const { reason, code } = await Promise.race([
    asked,
    // It ended by itself, and is to be started anew.
    first.closed.then(({ reason }) => ({ reason, code: reason === 'update' ? EXIT_AT_ONCE : EXIT_RESTART })),
  ])
  const impatience = setTimeout(() => {
    logToStderr('stop_took_too_long')
    process.exit(EXIT_FAILED)
  }, STOP_PATIENCE_MS)
  await first.stop(reason)
  clearTimeout(impatience)
  return code
}

interface StopRequest {
  reason: StopReason
  /** Of this process. */
  code: number
}

/** A signal, the end of the process that started this one (a killed server leaves no orphan behind), or too much memory. */
function stopRequest(): Promise<StopRequest> {
  return new Promise((resolve) => {
    const stop = () => resolve({ reason: 'stop', code: 0 })
    process.on('SIGTERM', () => void goingDown().then((end) => resolve({ reason: end ?? 'stop', code: 0 })))
    process.on('SIGINT', stop)
    if (process.channel) process.on('disconnect', stop)
    guardMemory({ log: logToStderr, restart: () => resolve({ reason: 'stop', code: EXIT_RESTART }) })
  })
}

// No top-level await: the single-file build is CommonJS.
main(process.argv.slice(2)).then(
  (code) => (code === undefined ? undefined : process.exit(code)),
  (error: unknown) => {
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`)
      process.exit(EXIT_USAGE)
    }
    logToStderr('fatal', { message: errorText(error) })
    process.exit(EXIT_FAILED)
  },
)
