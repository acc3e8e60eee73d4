/**
 * What the metrics of a fleet cost: a sample of every device each minute, over their connections, into the database. The same
 * fleet is watched with and without them, so that heartbeats and all else are not counted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { SimulatedAgents } from './agents.ts'
import { cpuMicroseconds, treeCpuMicroseconds } from './process-facts.ts'
import type { BenchedServer } from './server-process.ts'

export interface MetricCost {
  agents: number
  samplesPerSecond: number
  /** Bytes of tables and indexes for each stored sample, its disks included. */
  bytesPerSample: number
  /** Of one core, all the server does, and that without metrics. */
  withPercent: number
  withoutPercent: number
  /** The same of PostgreSQL, all its processes. */
  postgresWithPercent: number
  postgresWithoutPercent: number
}

/** What is on its way when the samples end. */
const CALM_MS = 5000

export async function measureMetrics(
  server: BenchedServer,
  agents: SimulatedAgents,
  milliseconds: number,
): Promise<MetricCost> {
  const client = new pg.Client(await server.ownerConnection())
  await client.connect()
  try {
    const before = await stored(client)
    const measuring = await watch(server, milliseconds)
    const after = await stored(client)
    await agents.measure(false)
    await sleep(CALM_MS)
    const silent = await watch(server, milliseconds)
    const samples = after.rows - before.rows
    return {
      agents: (await agents.statistics()).connected,
      samplesPerSecond: samples / measuring.seconds,
      bytesPerSample: after.bytes / after.rows,
      withPercent: measuring.serverPercent,
      withoutPercent: silent.serverPercent,
      postgresWithPercent: measuring.postgresPercent,
      postgresWithoutPercent: silent.postgresPercent,
    }
  } finally {
    await agents.measure(true)
    await client.end()
  }
}

async function watch(server: BenchedServer, milliseconds: number) {
  const postgres = await server.postgresPid()
  const before = { server: cpuMicroseconds(server.pid), postgres: treeCpuMicroseconds(postgres) }
  const began = performance.now()
  await sleep(milliseconds)
  const seconds = (performance.now() - began) / 1000
  const percent = (microseconds: number): number => microseconds / seconds / 10_000
  return {
    seconds,
    serverPercent: percent(cpuMicroseconds(server.pid) - before.server),
    postgresPercent: percent(treeCpuMicroseconds(postgres) - before.postgres),
  }
}

async function stored(client: pg.Client): Promise<{ rows: number; bytes: number }> {
  const { rows } = await client.query<{ rows: number; bytes: number }>(
    `select (select count(*)::int from metrics_minute) as rows,
       (select sum(pg_total_relation_size(inhrelid))::float8 from pg_inherits
        where inhparent in ('metrics_minute'::regclass, 'disk_metrics_minute'::regclass)) as bytes`,
  )
  const [found] = rows
  if (!found) throw new Error('the database does not say what it stored')
  return found
}
