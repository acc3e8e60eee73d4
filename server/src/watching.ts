/**
 * The watching part of the composition: what devices report, what is judged from it, and the work that keeps both in order.
 * Who tells whom what was written is said here and nowhere else.
 */
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { AgentSettings } from './domains/agent-settings/service.ts'
import { AlertEngine } from './domains/alerts/engine/engine.ts'
import { giveDefaultRules } from './domains/alerts/rule-rows.ts'
import { compactTally, recountAlerts } from './domains/alerts/tally.ts'
import { Compliance } from './domains/compliance/service.ts'
import { forgetChanges } from './domains/devices/changes/record.ts'
import { reconcileCounts } from './domains/devices/counters.ts'
import { Inventory } from './domains/devices/inventory.ts'
import { Presence } from './domains/devices/presence.ts'
import { EventLogs } from './domains/event-logs/service.ts'
import { ImportFolder } from './domains/imports/import-folder.ts'
import { Lifecycle } from './domains/lifecycle/service.ts'
import { Maintenance } from './domains/maintenance/service.ts'
import { Metrics } from './domains/metrics/service.ts'
import { Patches } from './domains/patches/service.ts'
import { Vulnerabilities } from './domains/vulnerabilities/service.ts'
import type { Environment } from './kernel/context.ts'
import type { Db } from './kernel/db.ts'
import type { Events } from './kernel/events.ts'
import type { Periodic } from './periodic.ts'

export interface WatchingDeps {
  db: Db
  events: Events
  environment: Environment
  log: Logger
  dataDir: string
  /** What agents work by where no setting says otherwise. */
  defaults: Config['agents']
  /** Silence that means offline; tests only. */
  graceMs?: number
}

export interface Watching {
  agentSettings: AgentSettings
  maintenance: Maintenance
  alertEngine: AlertEngine
  presence: Presence
  compliance: Compliance
  metrics: Metrics
  eventLogs: EventLogs
  patches: Patches
  lifecycle: Lifecycle
  vulnerabilities: Vulnerabilities
  inventory: Inventory
  start(periodic: Periodic): Promise<void>
  /** After the agents were let go: what they said last is still written and judged. */
  stop(): Promise<void>
}

export async function openWatching(deps: WatchingDeps): Promise<Watching> {
  const folder = new ImportFolder(deps.dataDir)
  await folder.create()
  const lifecycle = new Lifecycle({ db: deps.db, folder, now: deps.environment.now })
  await lifecycle.refresh()
  const judges = await openJudges(deps, lifecycle)
  const facts = await openFacts(deps, judges, folder)
  return {
    ...judges,
    ...facts,
    start: (periodic) => start(deps, { ...judges, ...facts }, periodic),
    stop: () => stop({ ...judges, ...facts }),
  }
}

type Judges = Pick<Watching, 'agentSettings' | 'maintenance' | 'alertEngine' | 'presence' | 'compliance' | 'lifecycle'>
type Facts = Pick<Watching, 'metrics' | 'eventLogs' | 'patches' | 'vulnerabilities' | 'inventory'>

async function openJudges(deps: WatchingDeps, lifecycle: Lifecycle): Promise<Judges> {
  const { db, events, environment, log, defaults } = deps
  const { now } = environment
  const agentSettings = new AgentSettings({
    db,
    defaults,
    failed: (error) => log.error({ err: error }, 'agent settings could not be read'),
  })
  await agentSettings.refresh()
  const maintenance = new Maintenance({
    db,
    now,
    show: (id, isInMaintenance) => presence.condition(id, 'maintenance', isInMaintenance),
    failed: (error) => log.error({ err: error }, 'maintenance windows could not be read'),
  })
  const alertEngine = new AlertEngine({
    db,
    events,
    environment,
    log,
    maintenance,
    supportOf: (os) => lifecycle.of(os),
    rulesChanged: () => agentSettings.watchesChanged(),
  })
  agentSettings.watchThrough((place) => alertEngine.eventWatches(place))
  const presence: Presence = new Presence({
    db,
    events,
    now,
    log,
    heartbeatSeconds: defaults.heartbeatSeconds,
    turned: (turns) => alertEngine.turned(turns),
    ...(deps.graceMs !== undefined && { graceMs: deps.graceMs }),
  })
  const compliance = new Compliance({
    db,
    now,
    supportOf: (os) => lifecycle.of(os),
    failed: (error) => log.error({ err: error }, 'compliance could not be judged'),
  })
  await compliance.policies.refresh()
  return { agentSettings, maintenance, alertEngine, presence, compliance, lifecycle }
}

async function openFacts(
  deps: WatchingDeps,
  { alertEngine, compliance }: Judges,
  folder: ImportFolder,
): Promise<Facts> {
  const { db, events, environment, log } = deps
  const { now, newId } = environment
  const metrics = new Metrics({ db, now, log, recorded: (reports) => alertEngine.recorded(reports) })
  const eventLogs = new EventLogs({ db, events, now, logged: (batch) => alertEngine.logged(batch) })
  const patches = new Patches({
    db,
    now,
    changed: (changes) => compliance.derived(changes.map(({ deviceId }) => deviceId)),
    failed: (error) => log.error({ err: error }, 'what devices lack of updates could not be derived'),
  })
  const vulnerabilities = new Vulnerabilities({
    db,
    folder,
    now,
    newId,
    changed: (deviceIds) => alertEngine.derived(['vulnerability'], deviceIds),
    failed: (error) => log.error({ err: error }, 'vulnerabilities of devices could not be assessed'),
  })
  await vulnerabilities.start()
  const inventory = new Inventory({
    db,
    events,
    now,
    changed: (changes) => {
      patches.reported(changes)
      vulnerabilities.reported(changes)
      alertEngine.changed(changes)
      compliance.changed(changes)
    },
    failed: (error) => log.error({ err: error }, 'sections could not be marked as outdated'),
  })
  return { metrics, eventLogs, patches, vulnerabilities, inventory }
}

async function start(deps: WatchingDeps, parts: Judges & Facts, periodic: Periodic): Promise<void> {
  const { db, environment } = deps
  const { agentSettings, maintenance, alertEngine, presence, compliance } = parts
  const { metrics, eventLogs, patches, lifecycle, vulnerabilities } = parts
  periodic.every('old changes', 6 * 3_600_000, () => forgetChanges(db, environment.now()))
  periodic.every('old events', 3_600_000, () => eventLogs.forget())
  periodic.every('agent settings', 60_000, () => agentSettings.refresh())
  periodic.every('metric roll-ups', 30_000, () => metrics.rollUp())
  periodic.every('metric partitions', 3_600_000, () => metrics.keepPartitions())
  periodic.every('silent devices', 600_000, () => presence.markSilent())
  periodic.every('patches behind', 300_000, () => patches.catchUp())
  periodic.every('vulnerabilities behind', 300_000, () => vulnerabilities.catchUp())
  periodic.every('ends of support', 60_000, () => lifecycle.refresh())
  periodic.every('compliance', 600_000, () => compliance.sweep())
  periodic.every('waivers', 60_000, () => compliance.expireWaivers())
  periodic.every('compliance rules', 60_000, () => compliance.policies.refresh())
  periodic.every('device counters', 6 * 3_600_000, () => reconcileCounts(db))
  periodic.every('alert counters', 6 * 3_600_000, () => recountAlerts(db))
  periodic.every('alert sums', 60_000, () => compactTally(db))
  const giveRules = () => db.worker((tx) => giveDefaultRules(tx, environment))
  await giveRules()
  periodic.every('default alert rules', 60_000, giveRules)
  await metrics.start()
  await alertEngine.start()
  await presence.start()
  periodic.every('maintenance windows', 30_000, () => maintenance.refresh())
  periodic.every('alerts', 1000, () => alertEngine.tick())
}

async function stop(parts: Judges & Facts): Promise<void> {
  await parts.inventory.idle()
  await parts.compliance.stop()
  await parts.metrics.idle()
  await parts.eventLogs.idle()
  await parts.patches.idle()
  await parts.vulnerabilities.stop()
  await parts.presence.stop()
  await parts.alertEngine.idle()
}
