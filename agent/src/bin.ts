import { ConfigError, HELP, readConfig } from './config.ts'
import { errorText, logToStderr } from './log.ts'
import { runAgent, type StopReason } from './main.ts'
import { AGENT_VERSION } from './version.ts'

/** Longer than a stubborn script needs to be killed. */
const STOP_PATIENCE_MS = 10_000

const EXIT_FAILED = 1
const EXIT_USAGE = 2

async function main(): Promise<number> {
  const parsed = readConfig(process.argv.slice(2), process.env)
  if (parsed.kind === 'help') process.stdout.write(HELP)
  if (parsed.kind === 'version') process.stdout.write(`${AGENT_VERSION}\n`)
  if (parsed.kind !== 'run') return 0

  // From here on the token is in memory only: scripts and child processes never inherit it.
  delete process.env['BREEZE_AGENT_TOKEN']
  // Listened to before anything is awaited, so that a stop during enrollment is a stop too.
  const asked = stopRequest()
  const starting = runAgent({ ...parsed.config, log: logToStderr })
  const first = await Promise.race([starting, asked])
  if (typeof first === 'string') return 0
  const reason = await Promise.race([asked, first.closed.then((closed) => closed.reason)])
  const impatience = setTimeout(() => {
    logToStderr('stop_took_too_long')
    process.exit(EXIT_FAILED)
  }, STOP_PATIENCE_MS)
  await first.stop(reason)
  clearTimeout(impatience)
  return 0
}

/** A signal, or the end of the process that started this one: a killed server leaves no orphan behind. */
function stopRequest(): Promise<StopReason> {
  return new Promise((resolve) => {
    process.on('SIGTERM', () => resolve('stop'))
    process.on('SIGINT', () => resolve('stop'))
    if (process.channel) process.on('disconnect', () => resolve('stop'))
  })
}

try {
  process.exit(await main())
} catch (error) {
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`)
    process.exit(EXIT_USAGE)
  }
  logToStderr('fatal', { message: errorText(error) })
  process.exit(EXIT_FAILED)
}
