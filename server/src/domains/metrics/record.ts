/** Samples into rows: one statement for the devices of a batch, one for their disks. */
import type { MetricSample } from '@breeze/contract/agent-metrics'
import type { Tx } from '../../kernel/db.ts'

export interface MetricReport {
  deviceId: string
  samples: readonly MetricSample[]
}

/** Held by whoever stores samples, and waited for by who closes a quarter of an hour. */
export const INGEST_LOCK = 0x6d657473
const MOST_SECONDS = 2_147_483_647

// What stands twice, in a batch or because it came again, is stored once.
const SAMPLES = `
  insert into metrics_minute
    (device_id, organization_id, site_id, at, cpu, memory, swap, load, received, sent, uptime_seconds, top_processes)
  select d.id, d.organization_id, d.site_id, s.at, s.cpu, s.memory, s.swap, s.load, s.received, s.sent, s.uptime, s.top::jsonb
  from unnest($1::uuid[], $2::timestamptz[], $3::real[], $4::real[], $5::real[], $6::real[], $7::real[], $8::real[], $9::int[],
    $10::text[]) as s (id, at, cpu, memory, swap, load, received, sent, uptime, top)
  join devices d on d.id = s.id and d.removed_at is null
  on conflict do nothing`

const DISKS = `
  insert into disk_metrics_minute (device_id, organization_id, site_id, at, total, available, used, mount)
  select d.id, d.organization_id, d.site_id, s.at, s.total, s.available, s.used, s.mount
  from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bigint[], $5::bigint[], $6::real[])
    as s (id, at, mount, total, available, used)
  join devices d on d.id = s.id and d.removed_at is null
  on conflict do nothing`

// An update and not nothing where the row is there: it must be held until these samples can be seen, or who takes it away
// might not see them.
const LATE = `
  insert into late_metrics (device_id, at)
  select distinct s.id, date_bin('15 minutes', s.at, 'epoch') as quarter
  from unnest($1::uuid[], $2::timestamptz[]) as s (id, at)
  where s.at < (select closed_until from metrics_progress)
  order by 1, 2
  on conflict (device_id, at) do update set at = excluded.at`

export async function writeSamples(tx: Tx, reports: readonly MetricReport[]): Promise<void> {
  const rows = reports.flatMap(({ deviceId, samples }) => samples.map((sample) => ({ deviceId, sample })))
  if (rows.length === 0) return
  await tx.prepared('metrics_share', 'select pg_advisory_xact_lock_shared($1)', [INGEST_LOCK])
  const ids = rows.map((row) => row.deviceId)
  const times = rows.map((row) => row.sample.at)
  await tx.prepared('metrics_samples', SAMPLES, [
    ids,
    times,
    rows.map(({ sample }) => sample.cpuPercent),
    rows.map(({ sample }) => sample.memoryPercent),
    rows.map(({ sample }) => sample.swapPercent),
    rows.map(({ sample }) => sample.load1),
    rows.map(({ sample }) => sample.receivedBytesPerSecond),
    rows.map(({ sample }) => sample.sentBytesPerSecond),
    rows.map(({ sample }) => Math.min(MOST_SECONDS, Math.floor(sample.uptimeSeconds))),
    rows.map(({ sample }) => (sample.topProcesses?.length ? JSON.stringify(sample.topProcesses) : null)),
  ])
  await writeDisks(tx, rows)
  await tx.prepared('metrics_late', LATE, [ids, times])
}

async function writeDisks(tx: Tx, rows: readonly { deviceId: string; sample: MetricSample }[]): Promise<void> {
  const disks = rows.flatMap(({ deviceId, sample }) => sample.disks.map((disk) => ({ deviceId, at: sample.at, disk })))
  if (disks.length === 0) return
  await tx.prepared('metrics_disks', DISKS, [
    disks.map((row) => row.deviceId),
    disks.map((row) => row.at),
    disks.map(({ disk }) => disk.mount),
    disks.map(({ disk }) => disk.totalBytes),
    disks.map(({ disk }) => disk.availableBytes),
    disks.map(({ disk }) => disk.usedPercent),
  ])
}
