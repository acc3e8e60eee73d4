import { readFile } from 'node:fs/promises'
import { isSea } from 'node:sea'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig, type AgentConfig } from '../config.ts'
import { errorText, type Log } from '../log.ts'
import { parseEnvironmentText } from './environment-file.ts'
import { install, uninstall } from './install.ts'
import { layout } from './layout.ts'
import { serviceManagerOf } from './manager.ts'

/** What the service is told; whatever else is set in the installer's environment stays out of it. */
const PASSED_ON = [
  'BREEZE_AGENT_SERVER',
  'BREEZE_AGENT_CA',
  'BREEZE_AGENT_CA_ONLY',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
  'https_proxy',
  'http_proxy',
  'no_proxy',
]

export interface CommandContext {
  env: NodeJS.ProcessEnv
  log: Log
  say(line: string): void
}

/** `breeze-agent install --server URL [--token TOKEN]`: as a service of this machine. */
export async function installCommand(argv: readonly string[], { env, log, say }: CommandContext): Promise<void> {
  refuseElsewhere('install')
  if (!isSea()) throw new ConfigError('install works with the single-file build that a Breeze server hands out')
  const place = layout()
  const merged = { ...(await installedEnvironment(place.environment)), ...env, ...settings(argv) }
  const config = configOf(merged)
  const environment = Object.fromEntries(
    PASSED_ON.flatMap((name) => (merged[name] === undefined ? [] : [[name, merged[name]]])),
  )
  const manager = serviceManagerOf(place)
  const installed = await install({ program: process.execPath, config, environment, layout: place, manager, log })
  say(`The Breeze agent runs as a ${manager.name} service, device ${installed.deviceId}.`)
  if (!installed.connected) say(`It has not reached ${config.servers.join(', ')} yet and keeps trying.`)
}

/** `breeze-agent uninstall`. */
export async function uninstallCommand({ log, say }: CommandContext): Promise<void> {
  refuseElsewhere('uninstall')
  const place = layout()
  const merged = await installedEnvironment(place.environment)
  const config = merged['BREEZE_AGENT_SERVER'] === undefined ? undefined : configOf(merged)
  const { told } = await uninstall({ config, layout: place, manager: serviceManagerOf(place), log })
  say(`The Breeze agent is removed${told ? '' : '; its server could not be told'}.`)
}

function refuseElsewhere(verb: string): void {
  if (process.platform !== 'linux') throw new ConfigError(`${verb} works on Linux; elsewhere see the documentation`)
  if (process.getuid?.() !== 0) throw new ConfigError(`${verb} needs root: use sudo`)
}

function settings(argv: readonly string[]): Record<string, string> {
  const options = { server: { type: 'string' }, token: { type: 'string' }, ca: { type: 'string' } } as const
  try {
    const { server, token, ca } = parseArgs({ args: [...argv], options }).values
    return {
      ...(server !== undefined && { BREEZE_AGENT_SERVER: server }),
      ...(token !== undefined && { BREEZE_AGENT_TOKEN: token }),
      ...(ca !== undefined && { BREEZE_AGENT_CA: ca }),
    }
  } catch (error) {
    throw new ConfigError(errorText(error).split('\n')[0] ?? '', { cause: error })
  }
}

function configOf(env: NodeJS.ProcessEnv): AgentConfig {
  const parsed = readConfig([], env)
  if (parsed.kind !== 'run') throw new ConfigError('The agent was not told what to run')
  return parsed.config
}

/** An earlier installation's settings: without arguments, `install` renews it. */
async function installedEnvironment(path: string): Promise<Record<string, string>> {
  try {
    return parseEnvironmentText(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
}
