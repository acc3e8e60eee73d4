/** The engine on a database of its own and a clock that is driven: fed by the real presence, inventory, metrics and logs. */
import type { EventEntry } from '@breeze/contract/agent-events'
import type { InventorySections, SectionName } from '@breeze/contract/agent-inventory'
import type { MetricSample } from '@breeze/contract/agent-metrics'
import { Client, Pool, type QueryResultRow } from 'pg'
import pino from 'pino'
import { inject } from 'vitest'
import { openDatabase } from '../../src/database/open.ts'
import { AlertEngine } from '../../src/domains/alerts/engine/engine.ts'
import { giveDefaultRules } from '../../src/domains/alerts/rule-rows.ts'
import { Alerts, isNotifying } from '../../src/domains/alerts/service.ts'
import type { AlertEventKind, AlertState, AlertStatus, Severity, Suppression } from '../../src/domains/alerts/tables.ts'
import { Inventory } from '../../src/domains/devices/inventory.ts'
import { Presence } from '../../src/domains/devices/presence.ts'
import { EventLogs } from '../../src/domains/event-logs/service.ts'
import { ImportFolder } from '../../src/domains/imports/import-folder.ts'
import { Lifecycle } from '../../src/domains/lifecycle/service.ts'
import { Maintenance } from '../../src/domains/maintenance/service.ts'
import { Metrics } from '../../src/domains/metrics/service.ts'
import type { RowAccess } from '../../src/kernel/caller.ts'
import { type Environment, systemEnvironment, uuidv7 } from '../../src/kernel/context.ts'
import { Events } from '../../src/kernel/events.ts'
import { TEMPLATE } from '../template-database.ts'

export const MINUTE = 60_000
/** Presence takes a longer pause for a time in which nobody listened. */
const LISTENED_MS = 10_000
export const HOUR = 60 * MINUTE

export interface Place {
  partnerId: string
  organizationId: string
  siteId: string
}

export interface AlertSeen {
  id: string
  device_id: string | null
  rule: string
  instance: string
  severity: Severity
  status: AlertStatus
  state: AlertState
  title: string
  detail: Record<string, unknown>
  last_value: number | null
  occurrences: number
  opened_at: Date
  suppressed: Suppression | null
  parent_id: string | null
}

export interface Told {
  kind: AlertEventKind
  at: Date
  detail: unknown
  suppressed: Suppression | null
}

const { newId, randomBytes } = systemEnvironment
const log = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' })

/** One disk in a sample. */
export const disk = (usedPercent: number, mount = 'C:') => ({
  disks: [{ mount, usedPercent, totalBytes: 100_000, availableBytes: Math.round(1000 * (100 - usedPercent)) }],
})

export type EngineWorld = Awaited<ReturnType<typeof openWorld>>

export async function openWorld(began = Date.UTC(2027, 0, 4, 8)) {
  const postgres = inject('postgres')
  const name = `alerts_${newId().replaceAll('-', '')}`
  const admin = new Client(postgres)
  await admin.connect()
  await admin.query(`create database ${name} template ${TEMPLATE}`)
  const { db } = await openDatabase({
    owner: { ...postgres, database: name },
    pepper: Buffer.alloc(32, 7),
    onError: () => undefined,
  })
  const owner = new Pool({ ...postgres, database: name, max: 3 })
  owner.on('error', () => undefined)
  const sql = async <Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await owner.query<Row>(text, values)).rows
  const clock = { now: began }
  const environment: Environment = {
    now: () => new Date(clock.now),
    newId: () => uuidv7(clock.now, randomBytes(10)),
    randomBytes,
  }
  const events = new Events()
  const partnerId = newId()
  await sql('insert into partners (id, name) values ($1, $2)', [partnerId, 'Partner'])
  await db.worker((tx) => giveDefaultRules(tx, environment))

  const lifecycle = new Lifecycle({ db, folder: new ImportFolder('/nowhere'), now: environment.now })
  /** The parts as the server puts them together; a second set on the same database is a server after it was killed. */
  const assemble = async () => {
    const now = environment.now
    const maintenance = new Maintenance({
      db,
      now,
      failed: () => undefined,
      show: (id, isThere) => presence.condition(id, 'maintenance', isThere),
    })
    const engine = new AlertEngine({ db, events, environment, log, maintenance, supportOf: (os) => lifecycle.of(os) })
    const presence: Presence = new Presence({
      db,
      events,
      now,
      log,
      heartbeatSeconds: 60,
      turned: (turns) => engine.turned(turns),
    })
    const inventory = new Inventory({ db, events, now, changed: (changes) => engine.changed(changes) })
    const metrics = new Metrics({ db, now, log, recorded: (reports) => engine.recorded(reports) })
    const logs = new EventLogs({ db, events, now, logged: (batch) => engine.logged(batch) })
    await metrics.start()
    await engine.start()
    await presence.start({ timers: false })
    await engine.idle()
    return { maintenance, engine, presence, inventory, metrics, logs }
  }
  let parts = await assemble()

  const organization = async (): Promise<Place> => {
    const organizationId = newId()
    await sql('insert into organizations (id, partner_id, name) values ($1, $2, $3)', [
      organizationId,
      partnerId,
      `Org ${organizationId}`,
    ])
    return { partnerId, organizationId, siteId: await site(organizationId) }
  }
  const site = async (organizationId: string): Promise<string> => {
    const siteId = newId()
    await sql('insert into sites (id, organization_id, name) values ($1, $2, $3)', [siteId, organizationId, siteId])
    return siteId
  }
  const devices = async (place: Place, count: number, role = 'server', platform = 'windows'): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => newId())
    await sql(
      `insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, role, role_source, agent_version)
       select id, $2, $3, 'device-' || id, id::text, decode(md5(id::text) || md5('x' || id::text), 'hex'), $4, $5, 'person', '1'
       from unnest($1::uuid[]) as t (id)`,
      [ids, place.organizationId, place.siteId, platform, role],
    )
    return ids
  }
  const device = async (place: Place, role?: string, platform?: string): Promise<string> => {
    const [id = ''] = await devices(place, 1, role, platform)
    await hear([id])
    return id
  }
  const beat = { bootId: 'b', uptimeSeconds: 1, cpuPercent: 2, memoryPercent: 3, clockSkewMs: 0 }
  const hear = async (ids: readonly string[], more: Partial<typeof beat> = {}): Promise<void> => {
    for (const id of ids) parts.presence.heard(id, { ...beat, ...more })
    await settle()
  }
  /** What else a server does at each step, where a test wants it. */
  const alongside: (() => Promise<void>)[] = []
  /** Everything reported so far is stored, looked at, and written. */
  const settle = async (): Promise<void> => {
    await parts.presence.tick()
    await parts.engine.tick()
    for (const step of alongside) await step()
  }
  /** Time passes: presence listens all the while, the engine looks at each step. Those who are there say so. */
  const pass = async (ms: number, present: readonly string[] = [], step = 5000): Promise<void> => {
    let lookedAt = clock.now
    for (const end = clock.now + ms; clock.now < end;) {
      clock.now = Math.min(end, clock.now + Math.min(step, LISTENED_MS))
      for (const id of present) parts.presence.heard(id, beat)
      await parts.presence.tick()
      if (clock.now < end && clock.now - lookedAt < step) continue
      lookedAt = clock.now
      await settle()
    }
  }
  /** Nobody looks meanwhile: a server that is down. */
  const blink = (ms: number): void => {
    clock.now += ms
  }
  const sampleOf = (more: Partial<MetricSample> = {}): MetricSample => ({
    at: environment.now().toISOString(),
    cpuPercent: 5,
    memoryPercent: 20,
    swapPercent: null,
    load1: 0.1,
    uptimeSeconds: 100,
    disks: [],
    receivedBytesPerSecond: 0,
    sentBytesPerSecond: 0,
    ...more,
  })
  const measure = async (id: string, ...samples: Partial<MetricSample>[]): Promise<void> => {
    parts.engine.recorded([{ deviceId: id, samples: samples.map(sampleOf) }])
    await parts.engine.tick()
  }
  /** As an agent sends them: stored first. */
  const record = async (id: string, ...samples: Partial<MetricSample>[]): Promise<void> => {
    await parts.metrics.record({ deviceId: id, samples: samples.map(sampleOf) })
    await parts.engine.tick()
  }
  let reports = 0
  const report = async <N extends SectionName>(
    id: string,
    section: N,
    data: InventorySections[N]['data'] | null,
  ): Promise<void> => {
    reports += 1
    const content = { source: 'test', collectedAt: environment.now().toISOString() }
    const told = data === null ? { ...content, status: 'error' } : { ...content, status: 'ok', data }
    await parts.inventory.record({
      deviceId: id,
      // One section of many: the types can't tell which.
      sections: { [section]: told } as Parameters<Inventory['record']>[0]['sections'],
      hashes: { [section]: `hash ${reports}` },
    })
    await parts.engine.tick()
  }
  const ship = async (id: string, entries: readonly Partial<EventEntry>[]): Promise<void> => {
    reports += 1
    const whole = entries.map((entry) => ({
      watchId: 'failed_sign_ins',
      at: environment.now().toISOString(),
      source: 'Security',
      log: 'security',
      program: 'sshd',
      level: 'warning' as const,
      text: 'Failed password for root',
      ...entry,
    }))
    await parts.logs.record(id, reports, whole)
    await parts.engine.tick()
  }
  const rule = async (of: Record<string, unknown>): Promise<string> => {
    const id = newId()
    const row = {
      severity: 'high',
      fire_after_seconds: 0,
      clear_after_seconds: 300,
      scope: {},
      name: 'Own rule',
      ...of,
    }
    await sql(
      `insert into alert_rules (id, partner_id, created_at, updated_at, signal, condition, severity, fire_after_seconds,
         clear_after_seconds, scope, name) values ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        id,
        partnerId,
        environment.now(),
        of['signal'],
        JSON.stringify(of['condition']),
        row.severity,
        row.fire_after_seconds,
        row.clear_after_seconds,
        JSON.stringify(row.scope),
        row.name,
      ],
    )
    await pass(15_000)
    return id
  }
  const alertsOf = (where: string, values: unknown[] = []): Promise<AlertSeen[]> =>
    sql<AlertSeen & QueryResultRow>(
      `select a.*, coalesce(r.built_in, r.name) as rule from alerts a left join alert_rules r on r.id = a.rule_id
       where ${where} order by a.opened_at, a.id`,
      values,
    )
  const ofDevice = (id: string, more = 'true'): Promise<AlertSeen[]> => alertsOf(`a.device_id = $1 and ${more}`, [id])
  const ofOrganization = (place: Place, more = 'true'): Promise<AlertSeen[]> =>
    alertsOf(`a.organization_id = $1 and ${more}`, [place.organizationId])
  const told = (alertIds: readonly string[]): Promise<Told[]> =>
    sql<Told & QueryResultRow>(
      `select e.kind, e.at, e.detail, a.suppressed from alert_events e join alerts a on a.id = e.alert_id
       where a.id = any ($1) order by e.id`,
      [alertIds],
    )
  /** What somebody would be told by mail. */
  const loud = async (place: Place): Promise<AlertEventKind[]> => {
    const all = await told((await ofOrganization(place)).map((alert) => alert.id))
    return all
      .filter(({ kind, detail, suppressed }) => suppressed === null && isNotifying(kind, detail))
      .map((one) => one.kind)
  }
  const reach = (place: Place): RowAccess => ({
    partnerId,
    partnerWide: false,
    whole: [place.organizationId],
    limited: [],
    sites: [],
  })
  const stop = async (): Promise<void> => {
    await parts.inventory.idle()
    await parts.metrics.idle()
    await parts.logs.idle()
    await parts.presence.stop()
    await parts.engine.idle()
    await db.close()
    await owner.end()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  }
  return {
    db,
    sql,
    clock,
    environment,
    events,
    partnerId,
    alongside,
    alerts: new Alerts(events),
    assemble,
    log,
    organization,
    site,
    devices,
    device,
    hear,
    settle,
    pass,
    blink,
    measure,
    record,
    disk,
    report,
    ship,
    rule,
    sampleOf,
    alertsOf,
    ofDevice,
    ofOrganization,
    told,
    loud,
    reach,
    stop,
    get parts() {
      return parts
    },
    restart: async () => {
      parts = await assemble()
    },
  }
}
