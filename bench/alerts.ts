/**
 * What watching a whole fleet costs: each minute a sample of every device, stored as agents' samples are, against twenty
 * rules a device. Measured twice, without and with the engine, so that its share is known.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { MetricSample } from '@breeze/contract/agent-metrics'
import pino from 'pino'
import type { Connection } from '../server/src/database/logins.ts'
import { openDatabase } from '../server/src/database/open.ts'
import { AlertEngine } from '../server/src/domains/alerts/engine/engine.ts'
import { ImportFolder } from '../server/src/domains/imports/import-folder.ts'
import { Lifecycle } from '../server/src/domains/lifecycle/service.ts'
import { Maintenance } from '../server/src/domains/maintenance/service.ts'
import { type MetricReport, Metrics } from '../server/src/domains/metrics/service.ts'
import { systemEnvironment } from '../server/src/kernel/context.ts'
import type { Db } from '../server/src/kernel/db.ts'
import { Events } from '../server/src/kernel/events.ts'

export interface AlertCost {
  devices: number
  rulesPerDevice: number
  samplesPerSecond: number
  alertsOpen: number
  lagP50Ms: number
  lagP99Ms: number
  /** Of one core, in this process: storing alone, and with the engine. */
  ingestPercent: number
  withEnginePercent: number
}

const RULES = 20
const SECOND = 1000
/** Of a thousand devices: these have a full disk, these are busy in any one minute. */
const FULL_DISKS = 50
const BUSY = 20

export async function measureAlerts(owner: Connection, pepper: Buffer, milliseconds: number): Promise<AlertCost> {
  const { db } = await openDatabase({ owner, pepper, onError: () => undefined })
  try {
    await addRules(db)
    const ids = await devices(db)
    const alone = await feed(db, ids, milliseconds, null)
    const engine = await startEngine(db)
    const ticking = setInterval(() => void engine.tick(), SECOND)
    const together = await feed(db, ids, milliseconds, engine)
    clearInterval(ticking)
    await engine.idle()
    return {
      devices: ids.length,
      rulesPerDevice: RULES,
      samplesPerSecond: (together.samples / milliseconds) * 1000,
      alertsOpen: engine.statistics.watched,
      lagP50Ms: engine.lag.percentile(0.5) ?? Number.NaN,
      lagP99Ms: engine.lag.percentile(0.99) ?? Number.NaN,
      ingestPercent: alone.cpuPercent,
      withEnginePercent: together.cpuPercent,
    }
  } finally {
    await db.close()
  }
}

async function startEngine(db: Db): Promise<AlertEngine> {
  const maintenance = new Maintenance({
    db,
    now: systemEnvironment.now,
    show: () => undefined,
    failed: (error) => {
      throw error
    },
  })
  const log = pino({ level: 'warn' }, pino.destination(2))
  const lifecycle = new Lifecycle({ db, folder: new ImportFolder('/nowhere'), now: systemEnvironment.now })
  const engine = new AlertEngine({
    db,
    events: new Events(),
    environment: systemEnvironment,
    log,
    maintenance,
    supportOf: (os) => lifecycle.of(os),
  })
  await engine.start()
  return engine
}

/** As many rules for each device as are promised, the ones that come with Breeze among them. */
async function addRules(db: Db): Promise<void> {
  const levels = JSON.stringify({ metric: 'cpu', levels: [{ severity: 'high', fire: 99.5, clear: 80 }] })
  await db.worker(async (tx) => {
    const [row] = await tx.prepared<{ n: number }>(
      'bench_rules',
      `select count(*) as n from alert_rules where built_in is not null`,
      [],
    )
    // Of the default rules about two thirds are for any one device.
    const missing = Math.max(0, RULES - Math.floor(((row?.n ?? 0) * 2) / 3))
    await tx.prepared(
      'bench_add_rules',
      `insert into alert_rules (id, partner_id, name, signal, condition, severity, fire_after_seconds, created_at, updated_at)
       select gen_random_uuid(), p.id, 'Bench ' || i, 'metric', $1::jsonb, 'high', 60 * i, now(), now()
       from partners p, generate_series(1, $2::int) as i`,
      [levels, missing],
    )
  })
}

async function devices(db: Db): Promise<string[]> {
  const rows = await db.worker((tx) =>
    tx.prepared<{ id: string }>(
      'bench_devices',
      `update devices set status = 'online', status_changed_at = now() - interval '1 day' where removed_at is null returning id`,
      [],
    ),
  )
  return rows.map((row) => row.id)
}

/** Each second the sixtieth part of the devices, as agents that started at any time send. */
async function feed(db: Db, ids: readonly string[], milliseconds: number, engine: AlertEngine | null) {
  const log = pino({ level: 'silent' })
  const metrics = new Metrics({ db, now: systemEnvironment.now, log, recorded: (batch) => engine?.recorded(batch) })
  await metrics.start()
  const began = performance.now()
  const cpu = process.cpuUsage()
  let samples = 0
  for (let second = 0; performance.now() - began < milliseconds; second += 1) {
    const at = new Date().toISOString()
    for (let index = second % 60; index < ids.length; index += 60) {
      const report: MetricReport = { deviceId: ids[index] ?? '', samples: [sample(at, index, second)] }
      void metrics.record(report)
      samples += 1
    }
    await sleep(Math.max(0, (second + 1) * SECOND - (performance.now() - began)))
  }
  await metrics.idle()
  const used = process.cpuUsage(cpu)
  return { samples, cpuPercent: (used.user + used.system) / 10 / (performance.now() - began) }
}

function sample(at: string, index: number, second: number): MetricSample {
  const isFull = index % 1000 < FULL_DISKS
  const isBusy = (index + second) % 1000 < BUSY
  return {
    at,
    cpuPercent: isBusy ? 95 : 12,
    memoryPercent: 48,
    swapPercent: 0,
    load1: 0.4,
    uptimeSeconds: 86_400,
    disks: [
      { mount: '/', usedPercent: isFull ? 96 : 41, totalBytes: 1e11, availableBytes: 1e10 },
      { mount: '/data', usedPercent: 55, totalBytes: 1e12, availableBytes: 1e11 },
    ],
    receivedBytesPerSecond: 1000,
    sentBytesPerSecond: 1000,
    ...(isBusy && { topProcesses: [{ name: 'busy', pid: 1, cpuPercent: 180, memoryBytes: 1e9 }] }),
  }
}
