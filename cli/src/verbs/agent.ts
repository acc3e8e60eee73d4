import type { Command } from 'commander'
import type { RunningAgent } from '../../../agent/src/main.ts'
import { usage } from '../failure.ts'
import { note, sayJson } from '../print.ts'
import { stopRequest } from '../stop-request.ts'
import { verb, type CommonOptions } from './verb.ts'

interface RunOptions extends CommonOptions {
  server?: string
  token?: string
  state?: string
}

export function agentVerbs(program: Command): void {
  const agent = program.command('agent').description('the agent, which connects a device to a server')
  verb(
    agent,
    'run',
    'run the agent in the foreground until it is stopped',
    'breeze agent run --server https://rmm.example.com --token brze_… --state /var/lib/breeze-agent',
  )
    .option('--server <url>', 'the server: https, or http on this machine (or BREEZE_AGENT_SERVER)')
    .option('--token <token>', 'enrollment token, needed on the first run only (or BREEZE_AGENT_TOKEN)')
    .option('--state <folder>', 'where the agent keeps its key and journal (or BREEZE_AGENT_STATE)')
    .action(runAgentVerb)
}

async function runAgentVerb(options: RunOptions): Promise<void> {
  // Only this verb needs the agent; no other pays for loading it.
  const [{ ConfigError, readConfig }, { logToStderr }, { runAgent }] = await Promise.all([
    import('../../../agent/src/config.ts'),
    import('../../../agent/src/log.ts'),
    import('../../../agent/src/main.ts'),
  ])
  const args = (['server', 'token', 'state'] as const).flatMap((name) => {
    const value = options[name]
    return value === undefined ? [] : [`--${name}`, value]
  })
  const config = agentConfig()
  // From here on the token is in memory only: scripts and child processes never inherit it.
  delete process.env['BREEZE_AGENT_TOKEN']
  const asked = stopRequest()
  const starting = runAgent({ ...config, log: logToStderr })
  const first = await Promise.race([starting, asked.then(() => startedAfterAll(starting))])
  // Still enrolling, perhaps with a server that does not answer: nothing runs that would have to be ended first.
  if (first === null) process.exit(0)
  if (options.json) sayJson({ device: first.deviceId, server: config.servers[0] })
  else note(`The agent runs as device ${first.deviceId}. Ctrl-C stops it.`)
  const reason = await Promise.race([asked, first.closed.then((closed) => closed.reason)])
  await first.stop(reason)

  function agentConfig() {
    try {
      const parsed = readConfig(args, process.env)
      if (parsed.kind === 'run') return parsed.config
    } catch (error) {
      if (error instanceof ConfigError) throw usage(error.message)
      throw error
    }
    throw usage('The agent was not told what to run.')
  }
}

const START_PATIENCE_MS = 10_000

/** A stop that comes while the agent starts must not leave it running: it gets so long to be there, and is then stopped. */
function startedAfterAll(starting: Promise<RunningAgent>): Promise<RunningAgent | null> {
  const impatience = new Promise<null>((resolve) => {
    setTimeout(() => resolve(null), START_PATIENCE_MS).unref()
  })
  return Promise.race([starting, impatience])
}
