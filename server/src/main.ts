/** The process: configuration → database → server → local agent → banner; and all of it backwards on the way out. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { banner } from './banner.ts'
import { startServer } from './compose.ts'
import type { RunningServer } from './running-server.ts'
import { readConfig, type Config } from './config.ts'
import { openDataFolder } from './data-folder.ts'
import type { Connection } from './database/logins.ts'
import { connectionFromUrl } from './database/open.ts'
import { superviseAgent, type LocalAgent } from './local-agent.ts'
import { listen } from './listener.ts'
import { openLog } from './log.ts'
import { armFault } from './kernel/faults.ts'
import { actionSpecs } from './kernel/tool.ts'
import { loadKeys } from './keys/keys.ts'
import { startCluster } from './postgres/cluster.ts'
import { oneLine } from './start-error.ts'

/** A stop that takes longer has hung. */
const STOP_PATIENCE_MS = 20_000

interface Opened {
  connection: Connection
  described: string
  stop(): Promise<void>
}

/** What has been started, last first on the way out. */
const stops: (() => Promise<void>)[] = []
let stopping = false

/** Thrown by `part` when somebody asked to stop while it started. */
class StopAsked extends Error {
  override readonly name = 'StopAsked'
}

/** Starts one part and notes how it ends. A stop waits for it: half a start can't be undone, and would be left running. */
async function part<T>(start: Promise<T>, stop: (started: T) => Promise<unknown>): Promise<T> {
  const started = await start
  stops.push(async () => void (await stop(started)))
  if (stopping) throw new StopAsked()
  return started
}

async function main(): Promise<void> {
  const began = performance.now()
  const config = readConfig()
  // Killed outright, as a power cut would: no handler runs, nothing is flushed.
  if (config.fault) armFault(config.fault, () => process.kill(process.pid, 'SIGKILL'))
  const listener = await part(listen(config), (it) => it.close())
  await openDataFolder(config.dataDir)
  const { log, close } = openLog(config.dataDir, config.logLevel)
  stops.push(close)
  // Before the database puts its own password beside them: a folder with some keys but not these is refused.
  const keys = await loadKeys(config.dataDir)
  const database = await part(openPostgres(config, log), (it) => it.stop())
  const server = await part(startServer({ config, owner: database.connection, keys, listener, log }), (it) =>
    it.close(),
  )
  // Asked for its version now, so that no call has to wait for that. What fails is in the log, and each call says it.
  void server.services.agentReleases.current().catch(() => undefined)
  if (config.localAgent) await part(startLocalAgent(server, log), (it) => it.stop())
  process.stdout.write(
    banner({
      config,
      url: server.url,
      publicUrl: config.publicUrl,
      installation: server.installation,
      starterKey: server.installation.oneTimePassword ? await makeStarterKey(server) : null,
      executeTools: server.registry
        .all()
        .filter((tool) => actionSpecs(tool.actions).some((action) => action.tier === 3))
        .map((tool) => tool.name),
      database: database.described,
      localAgent: config.localAgent,
      milliseconds: performance.now() - began,
    }),
  )
}

async function openPostgres(config: Config, log: Logger): Promise<Opened> {
  if (config.databaseUrl) {
    const connection = connectionFromUrl(config.databaseUrl)
    return {
      connection,
      described: `PostgreSQL at ${connection.host}:${connection.port}/${connection.database}`,
      stop: async () => undefined,
    }
  }
  const cluster = await startCluster({ dataDir: config.dataDir, log: (line) => log.info({ part: 'postgres' }, line) })
  const described = `private PostgreSQL ${cluster.version}${cluster.adopted ? ', taken over from a server that died' : ''}`
  return { connection: cluster.connection, described, stop: () => cluster.stop() }
}

/** The server's own machine as a device, through the same agent and protocol as any other. */
async function startLocalAgent(server: RunningServer, log: Logger): Promise<LocalAgent> {
  const state = join(server.config.dataDir, 'agent')
  const { installation, enrollment } = server
  const token = await server.db.worker((tx) =>
    enrollment.createToken(tx, {
      organizationId: installation.internalOrganizationId,
      siteId: installation.internalSiteId,
      uses: 1,
      expiresAt: new Date(Date.now() + 3_600_000),
      createdBy: installation.adminId,
    }),
  )
  const bundled = fileURLToPath(new URL('./agent.cjs', import.meta.url))
  const entry = existsSync(bundled) ? bundled : fileURLToPath(new URL('../../agent/src/bin.ts', import.meta.url))
  return superviseAgent({
    entry,
    args: ['--server', server.url, '--state', state],
    // The agent's file commands leave the server's own data alone.
    env: {
      ...server.config.agentEnvironment,
      BREEZE_AGENT_TOKEN: token.secret,
      BREEZE_AGENT_PROTECT: resolve(server.config.dataDir),
    },
    log: (line) => log.info({ part: 'agent' }, line),
  })
}

/** Through the door like any other key: audited, and narrow. */
async function makeStarterKey(server: RunningServer): Promise<string | null> {
  const credential = { kind: 'operator', id: server.installation.adminId, name: 'operator' } as const
  const identity = await server.authenticator.userIdentity(server.installation.adminId, credential, null)
  if (!identity) return null
  const input = { name: 'First connection', scopes: ['ai:read'], expires_in: '30d', partner_wide: true }
  const outcome = await server.door.invoke(
    { ...identity, channel: 'cli', client: 'first start' },
    'create_api_key',
    input,
    { surface: 'cli' },
  )
  return outcome.status === 'done' && typeof outcome.data['key'] === 'string' ? outcome.data['key'] : null
}

async function stop(code: number): Promise<void> {
  // A second Ctrl-C means now.
  if (stopping) process.exit(1)
  stopping = true
  setTimeout(() => process.exit(1), STOP_PATIENCE_MS).unref()
  await starting.catch(() => undefined)
  for (const end of stops.toReversed()) await end()
  process.exit(code)
}

const stopNow = (code: number): void => {
  stop(code).catch((error: unknown) => {
    process.stderr.write(`breeze: could not stop cleanly: ${oneLine(error)}\n`)
    process.exit(1)
  })
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopNow(0))
// Started by the bootstrap: when that is gone, nobody could stop this process any more.
if (process.channel) process.on('disconnect', () => stopNow(0))

const starting = main()
starting.catch((error: unknown) => {
  // What a start says that was cut short is not news.
  if (stopping) return
  process.stderr.write(`breeze: ${oneLine(error)}\n`)
  stopNow(1)
})
