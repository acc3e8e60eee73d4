/** The last that a device told of itself. */
import type { ProcessSample } from '@breeze/contract/agent-metrics'
import type { Tx } from '../../kernel/db.ts'
import { RETENTION } from './partitions.ts'

export interface LatestMetrics {
  at: Date
  cpu: number | null
  memory: number | null
  swap: number | null
  load: number | null
  received: number | null
  sent: number | null
  uptimeSeconds: number
  disks: { mount: string; used: number; available: number; total: number }[]
  /** When processor or memory use was last high. */
  top: { at: Date; processes: ProcessSample[] } | null
}

type Row = Omit<LatestMetrics, 'uptimeSeconds' | 'disks' | 'top'> & { uptime_seconds: number }

const LATEST = `
  select at, cpu, memory, swap, load, received, sent, uptime_seconds from metrics_minute
  where device_id = $1 and at >= $2 order by at desc limit 1`
const DISKS = `
  select mount, used, available, total from disk_metrics_minute
  where device_id = $1 and at = (select at from metrics_minute where device_id = $1 and at >= $2 order by at desc limit 1)
  order by mount`
const TOP = `
  select at, top_processes as processes from metrics_minute
  where device_id = $1 and at >= $2 and top_processes is not null order by at desc limit 1`

export async function latestMetrics(tx: Tx, deviceId: string, now: Date): Promise<LatestMetrics | null> {
  const since = new Date(now.getTime() - RETENTION.minute.keptMs)
  const [row] = await tx.prepared<Row>('latest_metrics', LATEST, [deviceId, since])
  if (!row) return null
  const { uptime_seconds: uptimeSeconds, ...values } = row
  const disks = await tx.prepared<LatestMetrics['disks'][number]>('latest_disks', DISKS, [deviceId, since])
  const [top] = await tx.prepared<NonNullable<LatestMetrics['top']>>('latest_top', TOP, [deviceId, since])
  return { ...values, uptimeSeconds, disks, top: top ?? null }
}
