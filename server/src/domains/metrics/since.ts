/** Samples as they were stored, for whoever did not live to look at them. */
import type { MetricSample, ProcessSample } from '@breeze/contract/agent-metrics'
import type { Tx } from '../../kernel/db.ts'
import type { MetricReport } from './record.ts'

interface Row {
  device_id: string
  at: Date
  cpu: number | null
  memory: number | null
  swap: number | null
  load: number | null
  received: number | null
  sent: number | null
  uptime_seconds: number
  top_processes: ProcessSample[] | null
  disks: MetricSample['disks'] | null
}

const SINCE = `
  select m.device_id, m.at, m.cpu, m.memory, m.swap, m.load, m.received, m.sent, m.uptime_seconds, m.top_processes, d.disks
  from metrics_minute m left join lateral (
    select jsonb_agg(jsonb_build_object('mount', mount, 'usedPercent', used, 'totalBytes', total, 'availableBytes', available)) as disks
    from disk_metrics_minute where device_id = m.device_id and at = m.at) d on true
  where m.at >= $1 and m.device_id = any ($2::uuid[])
  order by m.device_id, m.at`

/** By device, each in the order of their times. */
export async function samplesSince(tx: Tx, since: Date, deviceIds: readonly string[]): Promise<MetricReport[]> {
  const rows = await tx.prepared<Row>('metrics_since', SINCE, [since, deviceIds])
  return [...Map.groupBy(rows, (row) => row.device_id)].map(([deviceId, own]) => ({
    deviceId,
    samples: own.map(sampleOf),
  }))
}

const sampleOf = (row: Row): MetricSample => ({
  at: row.at.toISOString(),
  cpuPercent: row.cpu,
  memoryPercent: row.memory,
  swapPercent: row.swap,
  load1: row.load,
  receivedBytesPerSecond: row.received,
  sentBytesPerSecond: row.sent,
  uptimeSeconds: row.uptime_seconds,
  disks: row.disks ?? [],
  ...(row.top_processes && { topProcesses: row.top_processes }),
})
