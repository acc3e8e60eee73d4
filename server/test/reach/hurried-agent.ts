/** The agent as it is, but for the minutes between its samples and its tries to connect: no test waits for those. */
import { readConfig } from '../../../agent/src/config.ts'
import { logToStderr } from '../../../agent/src/log.ts'
import { runAgent } from '../../../agent/src/main.ts'

const parsed = readConfig(process.argv.slice(2), process.env)
if (parsed.kind !== 'run') throw new Error('a test starts it with what it needs to run')
const agent = await runAgent({
  ...parsed.config,
  log: logToStderr,
  sampleEveryMs: 500,
  timing: { reconnectBaseMs: 50 },
})
process.on('SIGTERM', () => void agent.stop('stop').then(() => process.exit(0)))
