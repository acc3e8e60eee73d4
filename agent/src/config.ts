import { delimiter, isAbsolute } from 'node:path'
import { parseArgs } from 'node:util'
import { ALL_FAULT_POINTS, type FaultPoint, isFaultPoint } from './faults.ts'
import type { NetworkOptions } from './transport.ts'
import { parseSupervision, type Supervision } from './update/supervision.ts'

/** The only reader of the agent's environment and arguments. */
export interface AgentConfig {
  /** Base URLs under which the server may be reached, tried in turn: https, or http on the loopback interface. */
  servers: readonly string[]
  network: NetworkOptions
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
  /** By whom this process is started again, where that is known. */
  supervision?: Supervision | undefined
}

/** All that a script sees of the agent's own environment. */
export interface ScriptEnvironment {
  path: string
  home: string
}

export type ParsedArguments =
  | { kind: 'run' | 'self-test'; config: AgentConfig }
  | { kind: 'help' | 'version' | 'release' }

/** Windows programs do not start without some of the system's own variables. */
const WINDOWS_VARIABLES = [
  'SystemRoot',
  'SystemDrive',
  'windir',
  'PATH',
  'PATHEXT',
  'TEMP',
  'ProgramData',
  'ProgramFiles',
  'USERPROFILE',
]

/** What of the agent's environment every program needs that it starts: on Windows only. */
export function systemVariables(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  if (platform !== 'win32') return {}
  const variables: Record<string, string> = {}
  for (const name of WINDOWS_VARIABLES) {
    const value = env[name]
    if (value !== undefined && value !== '') variables[name] = value
  }
  return variables
}

/** The message is one line meant for the person at the terminal. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

export const HELP = `breeze-agent: connects this device to a Breeze server

  --server <url>    the server, https://… (plain http only on the loopback interface); more than one, by commas or by
                    repeating the option, are tried in turn
  --token <token>   enrollment token, needed on the first run only
  --state <folder>  where the agent keeps its key and journal (default ${defaultStateDirectory()})
  --policy <file>   what this device refuses whatever the server says (default ${defaultPolicyPath()})
  --ca <file>       further certificates to trust, as PEM
  --ca-only         trust those of --ca and no others
  --help            this text
  --version         the agent's version
  --self-test       finds out whether this build could run here, and changes nothing

Each option can also be set by BREEZE_AGENT_SERVER, BREEZE_AGENT_TOKEN, BREEZE_AGENT_STATE, BREEZE_AGENT_CA and
BREEZE_AGENT_CA_ONLY=yes; the environment keeps the token out of the process list. HTTPS_PROXY (or HTTP_PROXY) names a
proxy, NO_PROXY what is reached without it. BREEZE_AGENT_POWER=dry-run records reboots and shutdowns without carrying
them out.
`

/** What this process was started with. */
export const ownEnvironment = (): NodeJS.ProcessEnv => process.env

/** From then on the token is in memory only: scripts and child processes never inherit it. */
export function forgetToken(): void {
  delete process.env['BREEZE_AGENT_TOKEN']
}

export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): ParsedArguments {
  const options = parseOptions(argv)
  if (options.help) return { kind: 'help' }
  if (options.version) return { kind: 'version' }
  if (options.release) return { kind: 'release' }
  const servers = (options.server ?? [env['BREEZE_AGENT_SERVER'] ?? '']).flatMap((text) => text.split(/[\s,]+/))
  const named = servers.filter((text) => text !== '')
  if (named.length === 0) throw new ConfigError('No server given: use --server https://…')
  return {
    kind: options['self-test'] ? 'self-test' : 'run',
    config: {
      servers: [...new Set(named.map(parseServerUrl))],
      network: parseNetwork(options, env),
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
      supervision: parseSupervision(env, argv),
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
        server: { type: 'string', multiple: true },
        token: { type: 'string' },
        state: { type: 'string' },
        policy: { type: 'string' },
        ca: { type: 'string' },
        'ca-only': { type: 'boolean' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
        release: { type: 'boolean' },
        'self-test': { type: 'boolean' },
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

function parseNetwork(options: ReturnType<typeof parseOptions>, env: NodeJS.ProcessEnv): NetworkOptions {
  const proxy = parseProxy(env)
  const path = options.ca ?? env['BREEZE_AGENT_CA']
  const only = options['ca-only'] ?? parseYes('BREEZE_AGENT_CA_ONLY', env)
  if (only && !path) throw new ConfigError('--ca-only needs --ca <file>')
  return { ...(proxy && { proxy }), ...(path && { ca: { path, only } }) }
}

/** By the names other programs use; the lower-case one goes first, as with curl. No message repeats the address: it may hold a password. */
function parseProxy(env: NodeJS.ProcessEnv): NetworkOptions['proxy'] {
  const read = (name: string) => env[name.toLowerCase()] || env[name]
  const text = read('HTTPS_PROXY') || read('HTTP_PROXY')
  if (!text) return undefined
  const withScheme = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(withScheme)) throw new ConfigError('HTTPS_PROXY is not an address')
  const address = new URL(withScheme)
  if (address.protocol !== 'http:' && address.protocol !== 'https:') {
    throw new ConfigError(`HTTPS_PROXY must be http://… or https://…, not ${address.protocol}`)
  }
  return { address, exceptions: read('NO_PROXY') ?? '' }
}

function parseYes(name: string, env: NodeJS.ProcessEnv): boolean {
  const text = env[name] ?? ''
  if (text !== '' && text !== 'yes' && text !== 'no') throw new ConfigError(`${name} must be yes or no`)
  return text === 'yes'
}

function parsePower(text: string | undefined): AgentConfig['power'] {
  if (text === undefined || text === 'real') return 'real'
  if (text === 'dry-run') return 'dry-run'
  // A typo must not turn a rehearsal into a reboot.
  throw new ConfigError('BREEZE_AGENT_POWER must be real or dry-run')
}

function parseFault(text: string | undefined): FaultPoint | undefined {
  if (text === undefined || text === '') return undefined
  if (!isFaultPoint(text)) throw new ConfigError(`BREEZE_AGENT_FAULT must be one of ${ALL_FAULT_POINTS.join(', ')}`)
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
