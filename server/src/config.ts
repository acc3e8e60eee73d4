/**
 * The only reader of process.env: every variable, its default and its meaning. docs/configuration.md is generated from
 * this list. A wrong value ends the start with one line that names the variable.
 */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { type AgentValues, DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import { parseProviders, type ProviderConfig } from './provider-config.ts'
import { FAULT_POINTS, type FaultPoint } from './kernel/faults.ts'

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** The same for a value that must not be shown. */
class SecretError extends ConfigError {}

interface Variable<T> {
  /** For the reference: what is used when the variable is unset. */
  default: string
  meaning: string
  parse(text: string | undefined): T
}

const variable = <T>(spec: Variable<T>): Variable<T> => spec

const text = (fallback: string | null) => (value: string | undefined) =>
  value === undefined || value === '' ? fallback : value
const positive =
  (fallback: number, most = 1_000_000, least = 1) =>
  (value: string | undefined) => {
    if (value === undefined || value === '') return fallback
    const number = Number(value)
    if (!Number.isInteger(number) || number < least || number > most)
      throw new ConfigError(`must be a whole number from ${least} to ${most}`)
    return number
  }
const flag = (fallback: boolean) => (value: string | undefined) => {
  if (value === undefined || value === '') return fallback
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw new ConfigError('must be true or false')
}
const list = (value: string | undefined) =>
  (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
const oneOf =
  <T extends string>(...values: T[]) =>
  (value: string | undefined): T | null => {
    if (value === undefined || value === '') return null
    const found = values.find((item) => item === value)
    if (!found) throw new ConfigError(`must be one of ${values.join(', ')}`)
    return found
  }
const address = (fallback: string) => (value: string | undefined) => {
  if (value === undefined || value === '') return fallback
  if (isIP(value) === 0 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value))
    throw new ConfigError('must be an address or a host name, without brackets or port')
  return value
}
/** An empty prefix would be read as /0: everybody's address. */
const networks = (value: string | undefined) => {
  const entries = list(value)
  for (const entry of entries) {
    const [base = '', prefix, ...more] = entry.split('/')
    const bits = isIP(base) === 4 ? 32 : 128
    const fits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)
    if (isIP(base) === 0 || !fits || more.length > 0) throw new ConfigError('must be addresses or CIDR ranges')
  }
  return entries
}
const email = (fallback: string) => (value: string | undefined) => {
  if (value === undefined || value === '') return fallback
  if (!/^[^\s@]{1,64}@[^\s@]{1,255}$/.test(value)) throw new ConfigError('must be an e-mail address')
  return value
}
const httpOrigin = (value: string | undefined) => {
  if (value === undefined || value === '') return null
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol))
    throw new ConfigError('must be a URL such as https://rmm.example.com')
  if (new URL(value).pathname !== '/') throw new ConfigError('must have no path')
  return new URL(value).origin
}

const smtpUrl = (value: string | undefined) => {
  if (value === undefined || value === '') return null
  // The value holds a password: a complaint must not repeat it.
  if (!URL.canParse(value) || !/^smtps?:$/.test(new URL(value).protocol))
    throw new SecretError('must be a URL such as smtps://user:password@mail.example.com:465')
  return value
}

const providerList = (value: string | undefined): ProviderConfig[] => {
  if (value === undefined || value === '') return []
  try {
    return parseProviders(value)
  } catch (error) {
    throw new SecretError(error instanceof Error ? error.message : 'must be a JSON list of providers')
  }
}

export const VARIABLES = {
  HOST: variable({
    default: '127.0.0.1',
    meaning: 'Address to listen on.',
    parse: address('127.0.0.1'),
  }),
  PORT: variable({ default: '8080', meaning: 'Port to listen on.', parse: positive(8080, 65_535) }),
  BREEZE_ENV: variable({
    default: '`production`, but `development` while host and public URL are both loopback',
    meaning:
      '`production` or `development`. In production, no key or grant may run a tier-3 tool that is not on the allow-list.',
    parse: oneOf('production', 'development'),
  }),
  BREEZE_DATA_DIR: variable({
    default: '`data` in the project folder',
    meaning: 'Where keys, the private database and exported audit checkpoints live.',
    parse: (value) => resolve(text('data')(value) ?? 'data'),
  }),
  BREEZE_PUBLIC_URL: variable({
    default: '`http://HOST:PORT`',
    meaning: 'The address under which people, assistants and agents reach this server.',
    parse: httpOrigin,
  }),
  BREEZE_TRUSTED_PROXIES: variable({
    default: 'none',
    meaning: 'Comma-separated addresses or CIDR ranges of reverse proxies whose X-Forwarded-For is believed.',
    parse: networks,
  }),
  DATABASE_URL: variable({
    default: 'a private PostgreSQL in the data folder',
    meaning:
      'Owner login of another PostgreSQL (15 or newer), such as postgres://user:password@host:5432/breeze. It must be able to create roles.',
    parse: text(null),
  }),
  BREEZE_ADMIN_EMAIL: variable({
    default: 'admin@breeze.local',
    meaning: 'E-mail of the first Partner Admin; read at the first start only.',
    parse: email('admin@breeze.local'),
  }),
  BREEZE_ADMIN_PASSWORD: variable({
    default: 'a random one, printed once',
    meaning: 'Password of the first Partner Admin; read at the first start only.',
    parse: text(null),
  }),
  BREEZE_WEBHOOK_HOSTS: variable({
    default: 'none: notifications go to public https addresses only',
    meaning:
      'Comma-separated hosts (`name` or `name:port`) in your own network that webhooks may also reach, with or without TLS.',
    parse: list,
  }),
  BREEZE_SMTP_URL: variable({
    default: 'none: links are shown to whoever makes them, and nothing is mailed',
    meaning: 'Mail server for invitations and new passwords, such as smtps://user:password@mail.example.com:465.',
    parse: smtpUrl,
  }),
  BREEZE_MAIL_FROM: variable({
    default: '`breeze@` and the host of the public URL',
    meaning: 'Sender of mails.',
    parse: (value) => (value === undefined || value === '' ? null : email('')(value)),
  }),
  BREEZE_OIDC_PROVIDERS: variable({
    default: 'none',
    meaning:
      'Issuers that people may sign in with, as JSON: [{"id":"entra","name":"Microsoft","issuer":"https://login.microsoftonline.com/TENANT/v2.0","client_id":"…","client_secret":"…"}]. Register PUBLIC_URL/api/console/sign-in/provider/ID/callback there.',
    parse: providerList,
  }),
  BREEZE_LOCAL_AGENT: variable({
    default: '`on` while the server listens on loopback only, else `off`',
    meaning: '`on` or `off`: whether this machine enrolls itself as a device.',
    parse: oneOf('on', 'off'),
  }),
  BREEZE_AGENT_HEARTBEAT_SECONDS: variable({
    default: '60',
    meaning:
      'How often agents say that they are there. This and the next four are defaults: `manage_agent_settings` sets others.',
    parse: positive(DEFAULT_CONFIGURATION.heartbeatSeconds, 3600),
  }),
  BREEZE_AGENT_INVENTORY_SECONDS: variable({
    default: '300',
    meaning: 'How often agents look whether their inventory has changed; at least 10.',
    parse: positive(DEFAULT_CONFIGURATION.inventorySeconds, 86_400, 10),
  }),
  BREEZE_AGENT_UPDATES_SECONDS: variable({
    default: '21600',
    meaning: 'How often agents look for pending updates; at least 60.',
    parse: positive(DEFAULT_CONFIGURATION.updatesSeconds, 604_800, 60),
  }),
  BREEZE_AGENT_SCRIPTS_AT_ONCE: variable({
    default: '4',
    meaning: 'Scripts that an agent runs at the same time.',
    parse: positive(DEFAULT_CONFIGURATION.maxConcurrentScripts, 32),
  }),
  BREEZE_AGENT_STREAM_OUTPUT: variable({
    default: '`true`',
    meaning: 'Whether agents send the output of a script while it runs.',
    parse: flag(DEFAULT_CONFIGURATION.streamOutput),
  }),
  BREEZE_LOG_LEVEL: variable({
    default: '`info`',
    meaning: '`trace`, `debug`, `info`, `warn`, `error` or `silent`.',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
  }),
  BREEZE_FAULT: variable({
    default: 'none',
    meaning:
      'Tests only: the server kills itself when it first reaches this named point, to prove that nothing is lost.',
    parse: oneOf<FaultPoint>(...FAULT_POINTS),
  }),
  BREEZE_OUTPUT_DAYS: variable({
    default: '90',
    meaning:
      'Days that the instructions, output and data of finished commands are kept. That they ran, and how they ended, stays.',
    parse: positive(90, 3650),
  }),
  BREEZE_ALERT_DAYS: variable({
    default: '400',
    meaning: 'Days that alerts are kept once they are over. What is not resolved stays.',
    parse: positive(400, 3650),
  }),
  BREEZE_TOOL_CALLS_PER_MINUTE: variable({
    default: '60',
    meaning: 'Acts (tiers 2–3), and reads that ask devices, a credential may start per tool and minute.',
    parse: positive(60),
  }),
  MCP_OAUTH_ENABLED: variable({
    default: '`true`',
    meaning:
      'Whether assistants may connect by OAuth. Off: no discovery, no sign-in for programs, and no access token opens anything; API keys still do.',
    parse: flag(true),
  }),
  MCP_OAUTH_REFRESH_IDLE_DAYS: variable({
    default: '30',
    meaning: 'Days without use after which a connected assistant must be connected again.',
    parse: positive(30, 365),
  }),
  MCP_OAUTH_GRANT_DAYS: variable({
    default: '180',
    meaning: 'Days after which a connected assistant must be connected again, however much it is used.',
    parse: positive(180, 3650),
  }),
  MCP_OAUTH_RATE_LIMIT_PER_MINUTE: variable({
    default: '120',
    meaning:
      'Requests a minute that one address may send to each of the authorize and token endpoints; a sixth of it to register programs.',
    parse: positive(120),
  }),
  MCP_EXECUTE_TOOL_ALLOWLIST: variable({
    default: 'production: none; development: all',
    meaning:
      'Comma-separated tier-3 tools that API keys and OAuth grants may call, on every transport. Set but empty means none.',
    parse: (value) => (value === undefined ? null : list(value)),
  }),
  MCP_REQUIRE_EXECUTE_ADMIN: variable({
    default: '`false`',
    meaning: 'Whether tier 3 by key or grant also needs the scope ai:execute_admin, held for an administrator.',
    parse: flag(false),
  }),
  MCP_MESSAGE_RATE_LIMIT_PER_MINUTE: variable({
    default: '120',
    meaning: 'Messages a minute per credential.',
    parse: positive(120),
  }),
  MCP_SSE_RATE_LIMIT_PER_MINUTE: variable({
    default: '30',
    meaning: 'Event streams a credential may open per minute.',
    parse: positive(30),
  }),
  MCP_MAX_SSE_SESSIONS_PER_KEY: variable({
    default: '5',
    meaning: 'Event streams a credential may hold open at once.',
    parse: positive(5),
  }),
} as const

const DAY_SECONDS = 24 * 3600

export interface Config {
  host: string
  port: number
  mode: 'production' | 'development'
  dataDir: string
  publicUrl: string
  trustedProxies: string[]
  databaseUrl: string | null
  admin: { email: string; password: string | null }
  mail: { url: string | null; from: string }
  webhookHosts: string[]
  providers: ProviderConfig[]
  localAgent: boolean
  /** What agents work by, where nothing else is set. */
  agents: AgentValues
  logLevel: string
  /** Tests only. */
  fault: FaultPoint | null
  oauthEnabled: boolean
  oauthRequestsPerMinute: number
  oauthLifetimes: { refreshIdleSeconds: number; grantSeconds: number }
  executeAllowList: 'all' | ReadonlySet<string>
  requireExecuteAdmin: boolean
  actsPerToolAndMinute: number
  outputDays: number
  alertDays: number
  limits: { messagesPerMinute: number; sseConnectionsPerMinute: number; sseSessions: number }
  /** All that the local agent gets to see of this process's environment. */
  agentEnvironment: Readonly<Record<string, string>>
}

export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const read = <Name extends keyof typeof VARIABLES>(name: Name): ReturnType<(typeof VARIABLES)[Name]['parse']> => {
    try {
      // Each parser's own result type; the union over all names has to be narrowed by hand.
      return VARIABLES[name].parse(env[name]) as ReturnType<(typeof VARIABLES)[Name]['parse']>
    } catch (error) {
      if (error instanceof SecretError) throw new ConfigError(`${name} ${error.message}`)
      if (error instanceof ConfigError) throw new ConfigError(`${name} ${error.message}; it is "${env[name] ?? ''}"`)
      throw error
    }
  }
  const host = read('HOST')
  const port = read('PORT')
  const publicUrl = read('BREEZE_PUBLIC_URL') ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const local = isLoopback(host) && isLoopback(new URL(publicUrl).hostname)
  const mode = read('BREEZE_ENV') ?? (local ? 'development' : 'production')
  const localAgent = read('BREEZE_LOCAL_AGENT')
  return {
    host,
    port,
    mode,
    dataDir: read('BREEZE_DATA_DIR'),
    publicUrl,
    trustedProxies: read('BREEZE_TRUSTED_PROXIES'),
    databaseUrl: read('DATABASE_URL'),
    admin: { email: read('BREEZE_ADMIN_EMAIL'), password: read('BREEZE_ADMIN_PASSWORD') },
    webhookHosts: read('BREEZE_WEBHOOK_HOSTS'),
    mail: {
      url: read('BREEZE_SMTP_URL'),
      from: read('BREEZE_MAIL_FROM') ?? `breeze@${new URL(publicUrl).hostname}`,
    },
    providers: read('BREEZE_OIDC_PROVIDERS'),
    localAgent: localAgent === null ? isLoopback(host) : localAgent === 'on',
    agents: {
      heartbeatSeconds: read('BREEZE_AGENT_HEARTBEAT_SECONDS'),
      inventorySeconds: read('BREEZE_AGENT_INVENTORY_SECONDS'),
      updatesSeconds: read('BREEZE_AGENT_UPDATES_SECONDS'),
      maxConcurrentScripts: read('BREEZE_AGENT_SCRIPTS_AT_ONCE'),
      streamOutput: read('BREEZE_AGENT_STREAM_OUTPUT'),
    },
    logLevel: read('BREEZE_LOG_LEVEL') ?? 'info',
    fault: read('BREEZE_FAULT'),
    oauthEnabled: read('MCP_OAUTH_ENABLED'),
    oauthRequestsPerMinute: read('MCP_OAUTH_RATE_LIMIT_PER_MINUTE'),
    oauthLifetimes: {
      refreshIdleSeconds: read('MCP_OAUTH_REFRESH_IDLE_DAYS') * DAY_SECONDS,
      grantSeconds: read('MCP_OAUTH_GRANT_DAYS') * DAY_SECONDS,
    },
    executeAllowList: allowList(read('MCP_EXECUTE_TOOL_ALLOWLIST'), mode),
    requireExecuteAdmin: read('MCP_REQUIRE_EXECUTE_ADMIN'),
    actsPerToolAndMinute: read('BREEZE_TOOL_CALLS_PER_MINUTE'),
    outputDays: read('BREEZE_OUTPUT_DAYS'),
    alertDays: read('BREEZE_ALERT_DAYS'),
    limits: {
      messagesPerMinute: read('MCP_MESSAGE_RATE_LIMIT_PER_MINUTE'),
      sseConnectionsPerMinute: read('MCP_SSE_RATE_LIMIT_PER_MINUTE'),
      sseSessions: read('MCP_MAX_SSE_SESSIONS_PER_KEY'),
    },
    agentEnvironment: pick(env, ['PATH', 'HOME', 'LANG', 'BREEZE_AGENT_POWER']),
  }
}

function pick(env: Readonly<Record<string, string | undefined>>, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) {
    const value = env[name]
    if (value !== undefined) picked[name] = value
  }
  return picked
}

function allowList(names: string[] | null, mode: Config['mode']): Config['executeAllowList'] {
  if (names === null && mode === 'development') return 'all'
  return new Set(names ?? [])
}

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}
