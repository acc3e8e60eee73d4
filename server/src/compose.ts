/**
 * The composition: from a configuration and a database to a server that listens. `main.ts` calls it for people, the tests'
 * harness for tests; nothing else builds these parts.
 */
import { join } from 'node:path'
import { AgentHub } from './adapters/agents/hub.ts'
import { catalogue } from './catalogue.ts'
import { nodeId, writeOperatorFiles } from './data-folder.ts'
import { openDatabase } from './database/open.ts'
import { linkTo } from './domains/approvals/links.ts'
import { Approvals } from './domains/approvals/service.ts'
import { Account } from './domains/account/standing.ts'
import { ScriptChecks } from './domains/alerts/checks/rounds.ts'
import { Alerts } from './domains/alerts/service.ts'
import { Commands } from './domains/commands/service.ts'
import { Elevations } from './domains/elevations/service.ts'
import { Enrollment } from './domains/devices/enrollment.ts'
import { Devices } from './domains/devices/service.ts'
import { Outbound } from './domains/notifications/outbound.ts'
import { Notifications } from './domains/notifications/service.ts'
import { AGENT_UPDATE, AgentUpdates } from './domains/agent-updates/kind.ts'
import { AgentReleases } from './domains/agent-updates/releases.ts'
import { Deployments, DEPLOYMENT } from './domains/patches/deployment/kind.ts'
import { DEVICE_ACTION, DeviceActionRollouts } from './domains/devices/rollout/kind.ts'
import { ScriptRollouts } from './domains/scripts/rollout/kind.ts'
import { SCRIPT_RUN } from './domains/scripts/rollout/task.ts'
import { RiskEngine } from './domains/risk/engine.ts'
import { Rollouts, type RolloutsOptions } from './domains/rollouts/service.ts'
import { giveBuiltInScripts } from './domains/scripts/built-in.ts'
import { SigningKeys } from './domains/signing-keys/service.ts'
import { OperationKeeper } from './domains/operations/service.ts'
import { built } from './built.ts'
import { openFaces } from './faces.ts'
import { Credentials } from './identity/services/credentials.ts'
import { DatabaseAuthenticator } from './identity/authenticator.ts'
import { requireDataKey } from './identity/data-key.ts'
import { Mail } from './identity/mail.ts'
import { makeToken, OPERATOR_PREFIX } from './identity/tokens.ts'
import { ensureInstallation } from './installation.ts'
import { AuditAppender } from './kernel/audit/appender.ts'
import { Checkpoints } from './kernel/audit/checkpoints.ts'
import { carryOn, requireMayCarry } from './kernel/carried-on.ts'
import { closeInterrupted } from './kernel/audit/recover.ts'
import { verifyAudit } from './kernel/audit/verify.ts'
import { systemEnvironment } from './kernel/context.ts'
import type { Db } from './kernel/db.ts'
import { Door } from './kernel/door.ts'
import { Holds } from './kernel/holds.ts'
import { Releases } from './kernel/releases.ts'
import { UntrustedReads } from './kernel/untrusted-reads.ts'
import { Events } from './kernel/events.ts'
import type { Governance } from './kernel/gates/may-use.ts'
import { Registry } from './kernel/registry.ts'
import type { Services } from './kernel/services.ts'
import { Tasks } from './kernel/tasks.ts'
import { listen, type Listener } from './listener.ts'
import { Periodic } from './periodic.ts'
import { openWatching } from './watching.ts'
import { keepBounded } from './retention.ts'
import type { RunningServer, ServerOptions } from './running-server.ts'

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
    now: environment.now,
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
  const carrying: Pick<RolloutsOptions, 'rightsOf' | 'carryOn'> = {
    rightsOf: async ({ user, credential, channel, client }, scopes) => {
      const identity = await authenticator.stored({ userId: user.id, credential, scopes })
      return identity && { ...identity, channel, client }
    },
    carryOn: (...act) => carryOn({ registry, governance, db, audit, environment }, ...act),
  }
  const { now, newId } = environment
  const rollouts = new Rollouts({
    db,
    events,
    commands,
    now,
    log,
    requireMayCarry: (...act) => requireMayCarry({ registry, governance }, ...act),
    ...carrying,
  })
  const scriptChecks = new ScriptChecks({ db, commands, engine: alertEngine, now, newId, log, ...carrying })
  const untrusted = new UntrustedReads({ db, environment })
  let releases: Releases
  const approvals = new Approvals({
    db,
    keyed: keys.box,
    now: environment.now,
    revoked: (id) => authenticator.revoked(id),
    releases: () => releases,
  })
  const agentReleases = new AgentReleases({
    bundle: options.agentBundle ?? built('agent.cjs'),
    dataDir: config.dataDir,
    signer: keys.commands,
    pepper: keys.pepper,
    now,
    failed: (error) => log.error({ err: error }, 'the build of the agent could not be read'),
  })
  rollouts.register(AGENT_UPDATE, new AgentUpdates({ commands, releases: agentReleases, newId }))
  rollouts.register(DEPLOYMENT, new Deployments({ commands, maintenance, newId }))
  rollouts.register(DEVICE_ACTION, new DeviceActionRollouts({ commands, newId }))
  const scriptRollouts = new ScriptRollouts({ commands, newId, box: keys.box })
  rollouts.register(SCRIPT_RUN, scriptRollouts)
  const elevations = new Elevations({ db, audit, events, environment })
  const services: Services = {
    approvals,
    elevations,
    mail,
    notifications,
    server: { publicUrl },
    alerts: new Alerts(events),
    compliance,
    commands,
    rollouts,
    scriptRollouts,
    scriptChecks,
    devices: new Devices(),
    maintenance,
    metrics: deviceMetrics,
    patches,
    lifecycle,
    vulnerabilities,
    enrollment,
    agents: hub,
    agentReleases,
    agentSettings,
    eventLogs,
    signingKeys: new SigningKeys({ signer: keys.commands, now: environment.now, renew: () => hub.renew() }),
    account: new Account(() => registry, governance),
    risk: new RiskEngine({
      registry: () => registry,
      governance,
      environment: config.mode,
      storedRights: (principal) => authenticator.stored(principal),
      counts: () => [...door.counts(), ...faces.counts()],
    }),
    audit: { verify: async () => verifyAudit(db, checkpoints.key, await checkpoints.read()) },
    credentials: new Credentials({
      pepper: keys.pepper,
      publicUrl,
      randomBytes: environment.randomBytes,
      revoked: (id) => authenticator.revoked(id),
    }),
  }
  const keeper = new OperationKeeper(db, environment.now)
  const closeIfEnded = (operation: string) => keeper.close(operation)
  const tasks = new Tasks({ db, sealer: keys.box, registry, environment, closeIfEnded })
  const door = new Door({
    tasks,
    holds: new Holds({
      environment,
      sealer: keys.box,
      tasks,
      areaOf: (tool) => registry.get(tool)?.area,
      approvalUrl: (id, expiresAt) => linkTo(keys.box, publicUrl, id, expiresAt),
    }),
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
    tasks,
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
  const periodic = new Periodic((job, error) => log.error({ job, err: error }, 'a periodic job failed'))
  periodic.every('audit checkpoint', 60_000, () => checkpoints.write(environment.now()))
  periodic.every('keys last used', 10_000, () => authenticator.flushLastUsed())
  periodic.every('operations', 5000, () => keeper.sweep())
  periodic.every('rollouts', 1500, () => rollouts.tick())
  periodic.every('script checks', 5000, () => scriptChecks.tick())
  periodic.every('approvals', 5000, () => approvals.sweep())
  periodic.every('elevations', 5000, () => elevations.sweep())
  keepBounded(periodic, { db, environment, config, tasks, untrusted, notifications })
  await giveBuiltInScripts(db, environment)
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
  const faces = openFaces({
    config,
    db,
    keys,
    environment,
    audit,
    events,
    registry,
    door,
    authenticator,
    adminId: installation.adminId,
    mail,
    credentials: services.credentials,
    enrollment,
    releases: agentReleases,
    hub,
    publicUrl,
    port: listener.port,
    heartbeatSeconds,
    log,
    periodic,
    ready,
    documents: options.documents,
    enrollmentsPerMinute: options.enrollmentsPerMinute,
    longestAskMs: options.longestAskMs,
  })
  listener.serve(faces.fetch)
  hub.attach(listener.server)
  await writeOperatorFiles(config.dataDir, url, operatorToken)

  const close = async (): Promise<void> => {
    draining = true
    await periodic.stop()
    await rollouts.stop()
    await notifications.stop()
    const drained = hub.drain()
    await faces.close()
    await drained
    await listener.close()
    await commands.stop()
    await watching.stop()
    await approvals.idle()
    await door.close()
    await faces.idle()
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
    tasks,
    enrollment,
    presence,
    alertEngine,
    hub,
    close,
  }
}
