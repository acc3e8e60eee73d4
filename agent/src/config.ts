import { delimiter, isAbsolute } from 'node:path'
import { parseArgs } from 'node:util'
import { FAULT_POINTS, type FaultPoint, isFaultPoint } from './faults.ts'

/** The only reader of the agent's environment and arguments. */
export interface AgentConfig {
  /** Base URL of the server: https, or http on the loopback interface. */
  server: string
  /** Needed once, to enroll. */
  token: string | undefined
  stateDirectory: string
  /** `dry-run` only records a reboot or shutdown, so that tests can run on a machine that must stay up. */
  power: 'real' | 'dry-run'
  /** What the owner of the device forbids. */
  policyPath: string
  /** Files and folders that the file commands leave alone, beside the agent's own: the data of a server on this machine. */
  protectedPaths: readonly string[]
  fault: FaultPoint | undefined
  scriptEnvironment: ScriptEnvironment
}

/** All that a script sees of the agent's own environment. */
export interface ScriptEnvironment {
  path: string
  home: string
}

export type ParsedArguments = { kind: 'run'; config: AgentConfig } | { kind: 'help' } | { kind: 'version' }

/** The message is one line meant for the person at the terminal. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

export const HELP = `breeze-agent: connects this device to a Breeze server

  --server <url>    the server, https://… (plain http only on the loopback interface)
  --token <token>   enrollment token, needed on the first run only
  --state <folder>  where the agent keeps its key and journal (default ${defaultStateDirectory()})
  --policy <file>   what this device refuses whatever the server says (default ${defaultPolicyPath()})
  --help            this text
  --version         the agent's version

Each option can also be set by BREEZE_AGENT_SERVER, BREEZE_AGENT_TOKEN and BREEZE_AGENT_STATE; the environment keeps the
token out of the process list. BREEZE_AGENT_POWER=dry-run records reboots and shutdowns without carrying them out.
`

export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): ParsedArguments {
  const options = parseOptions(argv)
  if (options.help) return { kind: 'help' }
  if (options.version) return { kind: 'version' }
  const server = options.server ?? env['BREEZE_AGENT_SERVER']
  if (!server) throw new ConfigError('No server given: use --server https://…')
  return {
    kind: 'run',
    config: {
      server: parseServerUrl(server),
      token: options.token ?? env['BREEZE_AGENT_TOKEN'],
      stateDirectory: options.state ?? env['BREEZE_AGENT_STATE'] ?? defaultStateDirectory(),
      power: parsePower(env['BREEZE_AGENT_POWER']),
      policyPath: options.policy ?? env['BREEZE_AGENT_POLICY'] ?? defaultPolicyPath(),
      protectedPaths: parsePaths('BREEZE_AGENT_PROTECT', env),
      fault: parseFault(env['BREEZE_AGENT_FAULT']),
      scriptEnvironment: {
        path: env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        home: env['HOME'] ?? '/root',
      },
    },
  }
}

/** Plain http would hand scripts and their output to anyone on the path, so it is allowed only where there is no path. */
export function parseServerUrl(text: string): string {
  if (!URL.canParse(text)) throw new ConfigError(`Not a URL: ${text}`)
  const url = new URL(text)
  if (url.protocol === 'ws:') url.protocol = 'http:'
  if (url.protocol === 'wss:') url.protocol = 'https:'
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ConfigError(`The server's address must be https://…, not ${url.protocol}`)
  }
  if (url.username !== '' || url.password !== '') throw new ConfigError('The server address must not hold a password')
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new ConfigError(`Plain http is refused for ${url.hostname}: use https (http works on the loopback only)`)
  }
  return url.origin
}

/** `URL` has already normalised the address, so 127.1 and 0x7f000001 arrive here as 127.0.0.1. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function parseOptions(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        server: { type: 'string' },
        token: { type: 'string' },
        state: { type: 'string' },
        policy: { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new ConfigError(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error), {
      cause: error,
    })
  }
}

/** Written as `PATH` is. */
function parsePaths(name: string, env: NodeJS.ProcessEnv): string[] {
  const paths = (env[name] ?? '').split(delimiter).filter((path) => path !== '')
  if (!paths.every(isAbsolute)) throw new ConfigError(`${name} must hold absolute paths`)
  return paths
}

function parsePower(text: string | undefined): AgentConfig['power'] {
  if (text === undefined || text === 'real') return 'real'
  if (text === 'dry-run') return 'dry-run'
  // A typo must not turn a rehearsal into a reboot.
  throw new ConfigError('BREEZE_AGENT_POWER must be real or dry-run')
}

function parseFault(text: string | undefined): FaultPoint | undefined {
  if (text === undefined || text === '') return undefined
  if (!isFaultPoint(text)) throw new ConfigError(`BREEZE_AGENT_FAULT must be one of ${FAULT_POINTS.join(', ')}`)
  return text
}

function defaultStateDirectory(): string {
  if (process.platform === 'win32') return 'C:\\ProgramData\\Breeze\\agent'
  if (process.platform === 'darwin') return '/Library/Application Support/Breeze/agent'
  return '/var/lib/breeze-agent'
}

function defaultPolicyPath(): string {
  if (process.platform === 'win32') return 'C:\\ProgramData\\Breeze\\policy.json'
  if (process.platform === 'darwin') return '/Library/Application Support/Breeze/policy.json'
  return '/etc/breeze-agent/policy.json'
}
