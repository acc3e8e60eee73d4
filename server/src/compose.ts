/**
 * The composition: from a configuration and a database to a server that listens. `main.ts` calls it for people, the tests'
 * harness for tests; nothing else builds these parts.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Context } from 'hono'
import { Registry as MetricsRegistry } from 'prom-client'
import type { Logger } from 'pino'
import { enrollRoute } from './adapters/agents/enroll-route.ts'
import { AgentHub } from './adapters/agents/hub.ts'
import { POLL_BODY_BYTES, pollRoute } from './adapters/agents/poll-route.ts'
import { installRoute } from './adapters/agents/install-route.ts'
import { FlowCookie, SessionCookie } from './adapters/console/cookies.ts'
import { LiveStreams } from './adapters/console/live-streams.ts'
import { consolePages } from './adapters/console/pages.ts'
import { consoleRoutes } from './adapters/console/routes.ts'
import type { ConsoleDeps } from './adapters/console/types.ts'
import { createHttpApp } from './adapters/http/app.ts'
import { createMetrics } from './adapters/http/metrics.ts'
import { RevocableCalls } from './adapters/http/revocable-calls.ts'
import { createOauth, type OauthDeps } from './adapters/oauth/adapter.ts'
import { RESOURCE_METADATA_PATH } from './adapters/oauth/metadata.ts'
import { authorizationPath } from './adapters/oauth/routes.ts'
import { AgentProgram } from './agent-program.ts'
import { catalogue } from './catalogue.ts'
import type { Config } from './config.ts'
import { nodeId, writeOperatorFiles } from './data-folder.ts'
import { openDatabase } from './database/open.ts'
import type { Connection } from './database/logins.ts'
import { Approvals } from './domains/approvals/service.ts'
import { Account } from './domains/account/standing.ts'
import type { AlertEngine } from './domains/alerts/engine/engine.ts'
import { Alerts } from './domains/alerts/service.ts'
import { forgetOutput } from './domains/commands/retention.ts'
import { Commands } from './domains/commands/service.ts'
import { Enrollment } from './domains/devices/enrollment.ts'
import type { Presence } from './domains/devices/presence.ts'
import { Devices } from './domains/devices/service.ts'
import { Outbound } from './domains/notifications/outbound.ts'
import { Notifications } from './domains/notifications/service.ts'
import { Rollouts } from './domains/rollouts/service.ts'
import { giveBuiltInScripts } from './domains/scripts/built-in.ts'
import { SigningKeys } from './domains/signing-keys/service.ts'
import { OperationKeeper } from './domains/operations/service.ts'
import { Credentials } from './identity/services/credentials.ts'
import { DatabaseAuthenticator } from './identity/authenticator.ts'
import { requireDataKey } from './identity/data-key.ts'
import { ENDED_CHECK_MS, endedCredentials } from './identity/ended-credentials.ts'
import { openIdentity } from './identity/identity.ts'
import { Mail } from './identity/mail.ts'
import { makeToken, OPERATOR_PREFIX } from './identity/tokens.ts'
import { ensureInstallation, type Installation } from './installation.ts'
import { AuditAppender } from './kernel/audit/appender.ts'
import { Checkpoints } from './kernel/audit/checkpoints.ts'
import { carryOn } from './kernel/carried-on.ts'
import { closeInterrupted } from './kernel/audit/recover.ts'
import { verifyAudit } from './kernel/audit/verify.ts'
import { isDatabaseAway } from './kernel/database-away.ts'
import { systemEnvironment, type Environment } from './kernel/context.ts'
import type { Db } from './kernel/db.ts'
import { Door } from './kernel/door.ts'
import { Holds } from './kernel/holds.ts'
import { Releases } from './kernel/releases.ts'
import { UntrustedReads } from './kernel/untrusted-reads.ts'
import { Events } from './kernel/events.ts'
import type { Governance } from './kernel/gates/may-use.ts'
import { Registry } from './kernel/registry.ts'
import { LocalRateLimiter } from './kernel/rate-limit.ts'
import type { Services } from './kernel/services.ts'
import { isAct, type Tool } from './kernel/tool.ts'
import type { Keys } from './keys/keys.ts'
import { listen, type Listener } from './listener.ts'
import { loopbackTwin } from './loopback-twin.ts'
import { Periodic } from './periodic.ts'
import { VERSION } from './version.ts'
import { openWatching } from './watching.ts'

export interface ServerOptions {
  config: Config
  owner: Connection
  keys: Keys
  /** Already listening; otherwise the port of the configuration is taken. */
  listener?: Listener
  log: Logger
  environment?: Environment
  /** Beside the catalogue; tests only. */
  extraTools?: readonly Tool[]
  /** 60 unless a test is in a hurry. */
  heartbeatSeconds?: number
  /** Per address; the load tests come from one. */
  enrollmentsPerMinute?: number
  /** How documents of OAuth clients are fetched; tests only. */
  documents?: OauthDeps['documents']
  /** Silence that means offline; tests only. */
  graceMs?: number
}

export interface RunningServer {
  /** With the port really listened on. */
  url: string
  config: Config
  installation: Installation
  migrated: string[]
  operatorToken: string
  db: Db
  door: Door
  registry: Registry
  governance: Governance
  authenticator: DatabaseAuthenticator
  audit: AuditAppender
  checkpoints: Checkpoints
  services: Services
  events: Events
  enrollment: Enrollment
  presence: Presence
  alertEngine: AlertEngine
  hub: AgentHub
  /** Answers no new calls, lets the running ones end, closes everything. */
  close(): Promise<void>
}

const addressOf = (context: Context): string => String(context.get('ip') ?? 'unknown')

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { keys, log } = options
  const onError = (error: Error): void => log.warn({ err: error }, 'a database connection was lost')
  const { db, migrated } = await openDatabase({ owner: options.owner, pepper: keys.pepper, onError })
  try {
    return await startOn({ ...options, listener: options.listener ?? (await listen(options.config)) }, db, migrated)
  } catch (error) {
    await db.close()
    throw error
  }
}

async function startOn(
  options: ServerOptions & { listener: Listener },
  db: Db,
  migrated: string[],
): Promise<RunningServer> {
  const { config, keys, listener, log } = options
  const { url } = listener
  const environment = options.environment ?? systemEnvironment
  await requireDataKey(db, keys.box)
  const installation = await ensureInstallation(db, environment, keys.pepper, config.admin)

  const audit = await AuditAppender.open(db, environment, await nodeId(config.dataDir))
  const checkpoints = new Checkpoints(db, keys.checkpoints, join(config.dataDir, 'audit', 'checkpoints.ndjson'))
  await checkpoints.open()
  const interrupted = await closeInterrupted(db, audit, environment)
  if (interrupted > 0) log.warn({ interrupted }, 'the last stop interrupted calls; the audit says so')

  const operatorToken = makeToken(OPERATOR_PREFIX, environment.randomBytes)
  const operator = { token: operatorToken, userId: installation.adminId }
  const authenticator = new DatabaseAuthenticator({
    db,
    pepper: keys.pepper,
    operator,
    oauthEnabled: config.oauthEnabled,
  })
  const events = new Events()
  const governance: Governance = {
    executeAllowList: config.executeAllowList,
    requireExecuteAdmin: config.requireExecuteAdmin,
    actsPerToolAndMinute: config.actsPerToolAndMinute,
  }
  const registry = new Registry([...catalogue, ...(options.extraTools ?? [])])
  const commands = new Commands({ db, events, signer: keys.commands, box: keys.box, now: environment.now, log })
  const defaults = { ...config.agents, ...(options.heartbeatSeconds && { heartbeatSeconds: options.heartbeatSeconds }) }
  const { heartbeatSeconds } = defaults
  const watching = await openWatching({
    db,
    events,
    environment,
    log,
    dataDir: config.dataDir,
    defaults,
    ...(options.graceMs !== undefined && { graceMs: options.graceMs }),
  })
  const { agentSettings, alertEngine, compliance, eventLogs, inventory, maintenance } = watching
  const { lifecycle, metrics: deviceMetrics, patches, presence, vulnerabilities } = watching
  const enrollment = new Enrollment({ db, events, pepper: keys.pepper, environment })
  const hub = new AgentHub({
    db,
    commands,
    presence,
    inventory,
    metrics: deviceMetrics,
    eventLogs,
    signer: keys.commands,
    settings: agentSettings,
    environment,
    log,
    heartbeatSeconds,
  })
  const publicUrl = config.publicUrl.endsWith(':0') ? url : config.publicUrl
  const mail = new Mail({
    ...config.mail,
    onError: (error) => log.error({ err: error }, 'a mail could not be sent'),
  })
  const notifications = new Notifications({
    db,
    events,
    mail,
    box: keys.box,
    outbound: new Outbound({ ownHosts: config.webhookHosts }),
    publicUrl,
    now: environment.now,
    newId: environment.newId,
    randomBytes: environment.randomBytes,
    failed: (error) => log.error({ err: error }, 'notifications could not be sent'),
  })
  const rollouts = new Rollouts({
    db,
    events,
    commands,
    now: environment.now,
    log,
    rightsOf: async ({ user, credential, channel, client }, scopes) => {
      const identity = await authenticator.stored({ userId: user.id, credential, scopes })
      return identity && { ...identity, channel, client }
    },
    carryOn: (...act) => carryOn({ registry, governance, db, audit, environment }, ...act),
  })
  const untrusted = new UntrustedReads({ db, environment })
  let releases: Releases
  const approvals = new Approvals({
    db,
    now: environment.now,
    revoked: (id) => authenticator.revoked(id),
    releases: () => releases,
  })
  const services: Services = {
    approvals,
    mail,
    notifications,
    server: { publicUrl },
    alerts: new Alerts(events),
    compliance,
    commands,
    rollouts,
    devices: new Devices(),
    maintenance,
    metrics: deviceMetrics,
    patches,
    lifecycle,
    vulnerabilities,
    enrollment,
    agents: hub,
    agentSettings,
    eventLogs,
    signingKeys: new SigningKeys({ signer: keys.commands, now: environment.now, renew: () => hub.renew() }),
    account: new Account(() => registry, governance),
    audit: { verify: async () => verifyAudit(db, checkpoints.key, await checkpoints.read()) },
    credentials: new Credentials({
      pepper: keys.pepper,
      publicUrl,
      randomBytes: environment.randomBytes,
      revoked: (id) => authenticator.revoked(id),
    }),
  }
  const door = new Door({
    holds: new Holds({ environment, sealer: keys.box, approvalUrl: (id) => `${publicUrl}/approvals/${id}` }),
    untrusted,
    registry,
    governance,
    db,
    audit,
    events,
    services,
    environment,
    logFailure: (call, tool, error) => log.error({ call, tool, err: error }, 'a call failed'),
  })

  releases = new Releases({
    db,
    door,
    sealer: keys.box,
    audit,
    events,
    environment,
    callerOf: async (stored) => {
      const identity = await authenticator.stored(stored)
      return identity && { ...identity, channel: stored.channel, client: stored.client, ip: stored.ip }
    },
    failed: (error) => log.error({ err: error }, 'an approved call could not be let in'),
  })
  const keeper = new OperationKeeper(db, environment.now)
  const periodic = new Periodic((job, error) => log.error({ job, err: error }, 'a periodic job failed'))
  periodic.every('audit checkpoint', 60_000, () => checkpoints.write(environment.now()))
  periodic.every('keys last used', 10_000, () => authenticator.flushLastUsed())
  periodic.every('operations', 5000, () => keeper.sweep())
  periodic.every('rollouts', 1500, () => rollouts.tick())
  periodic.every('approvals', 5000, () => approvals.sweep())
  periodic.every('untrusted reads', 3_600_000, () => untrusted.forget())
  periodic.every('old output', 3_600_000, () => forgetOutput(db, environment.now(), config.outputDays))
  await giveBuiltInScripts(db, environment)
  periodic.every('old notifications', 3_600_000, () => notifications.forget())
  commands.start()
  // What was approved before the last stop and could not run any more.
  await approvals.sweep(true)
  notifications.start()
  await watching.start(periodic)

  let draining = false
  const ready = async (): Promise<boolean> => {
    if (draining) return false
    await db.ping()
    return true
  }
  const metrics = createMetrics(new MetricsRegistry())
  const program = new AgentProgram({ bundle: built('agent.cjs'), dataDir: config.dataDir })
  const identity = openIdentity({
    db,
    keys,
    environment,
    publicUrl,
    providers: config.providers,
    adminId: installation.adminId,
    mail,
    credentials: services.credentials,
    identityOf: (userId) =>
      authenticator.userIdentity(userId, { kind: 'session', id: userId, name: 'invitation' }, null),
    onError: (error) => log.error({ err: error }, 'a reset could not be mailed'),
    revoked: (id) => authenticator.revoked(id),
  })
  periodic.every('sessions', 3_600_000, () => identity.sessions.purge())
  periodic.every('browser flows', 600_000, () => identity.flows.purge())
  const cookie = new SessionCookie(publicUrl)
  const limiter = new LocalRateLimiter()
  const oauth = config.oauthEnabled
    ? createOauth({
        db,
        pepper: keys.pepper,
        environment,
        audit,
        publicUrl,
        lifetimes: config.oauthLifetimes,
        perMinute: config.oauthRequestsPerMinute,
        tools: registry.all(),
        limiter,
        log,
        console: { cookie, people: authenticator },
        revoked: (id) => authenticator.revoked(id),
        ...(options.documents && { documents: options.documents }),
      })
    : null
  if (oauth) periodic.every('oauth rows', 3_600_000, () => oauth.sweep())
  const calls = new RevocableCalls(door, authenticator)
  const live = new LiveStreams({ events, onRevoked: (listener) => authenticator.onRevoked(listener) })
  const consoleDeps: ConsoleDeps = {
    kernel: calls,
    toolNeedsProof: (name, input) => {
      const tool = registry.get(name)
      return tool !== undefined && tool.needsProof && isAct(tool, input)
    },
    audit,
    people: authenticator,
    ...identity,
    cookie,
    flowCookie: new FlowCookie(publicUrl),
    limiter,
    live,
    metrics,
    publicUrl,
    oauthEnabled: config.oauthEnabled,
    version: VERSION,
    now: environment.now,
  }
  const console = consoleRoutes(consoleDeps, oauth ? [oauth.consent] : [])
  const http = createHttpApp({
    kernel: calls,
    authenticator,
    config: {
      publicUrl,
      host: config.host,
      port: listener.port,
      trustedProxies: config.trustedProxies,
      limits: config.limits,
      oauthEnabled: config.oauthEnabled,
      ...(oauth && {
        resourceMetadataUrl: (path: string, host: string | null) =>
          `${loopbackTwin(host, publicUrl) ?? publicUrl}${RESOURCE_METADATA_PATH}${path}`,
      }),
    },
    ...(oauth && { authorizationPath }),
    ready,
    metrics,
    log,
    version: VERSION,
    largeBodies: POLL_BODY_BYTES,
    mounts: [
      console,
      ...(oauth ? [oauth.routes] : []),
      enrollRoute({
        enrollment,
        signer: keys.commands,
        heartbeatSeconds,
        now: environment.now,
        addressOf,
        log,
        ...(options.enrollmentsPerMinute !== undefined && { requestsPerMinute: options.enrollmentsPerMinute }),
      }),
      pollRoute({
        hub,
        now: environment.now,
        addressOf,
        log,
        ...(options.enrollmentsPerMinute !== undefined && { opensPerMinute: options.enrollmentsPerMinute }),
      }),
      installRoute({ program, publicUrl, now: environment.now, addressOf, log }),
      // Last: it answers whatever a browser asks for that nobody else does.
      consolePages(built('web')),
    ],
  })
  listener.serve(http.app.fetch)
  hub.attach(listener.server)
  // Settings decide who may use what: clients with a stream are told to look again.
  events.subscribe('administration', () => http.mcp.toolsChanged())
  // What other nodes ended: streams and calls that are open here are cut within a second.
  periodic.every('ended credentials', ENDED_CHECK_MS, async () => {
    // While the database is away nobody can end anything; the next look finds what came since.
    const open = new Set([...http.mcp.openCredentials(), ...calls.credentials(), ...live.credentials()])
    const ended = await endedCredentials(db, [...open]).catch((error: unknown) => {
      if (isDatabaseAway(error)) return []
      throw error
    })
    for (const id of ended) authenticator.revoked(id)
  })
  await writeOperatorFiles(config.dataDir, url, operatorToken)

  const close = async (): Promise<void> => {
    draining = true
    await periodic.stop()
    await rollouts.idle()
    await notifications.stop()
    const drained = hub.drain()
    live.close()
    await http.close()
    await drained
    await listener.close()
    await commands.stop()
    await watching.stop()
    await approvals.idle()
    await door.close()
    await identity.resets.idle()
    await authenticator.flushLastUsed()
    await audit.drain()
    await checkpoints.write(environment.now())
    await db.close()
  }
  return {
    url,
    config,
    installation,
    migrated,
    operatorToken,
    db,
    door,
    registry,
    governance,
    authenticator,
    audit,
    checkpoints,
    services,
    events,
    enrollment,
    presence,
    alertEngine,
    hub,
    close,
  }
}

/** What the build made: beside the server's own bundle, or where the build leaves it when the server runs from its sources. */
function built(name: string): string {
  const beside = fileURLToPath(new URL(`./${name}`, import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../dist/${name}`, import.meta.url))
}
