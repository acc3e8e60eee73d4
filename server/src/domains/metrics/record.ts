/** Samples into rows: one statement for the devices of a batch, their disks, and what of it is late. */
import type { MetricSample } from '@breeze/contract/agent-metrics'
import type { Tx } from '../../kernel/db.ts'

export interface MetricReport {
  deviceId: string
  samples: readonly MetricSample[]
}

/** Held by whoever stores samples, and waited for by who closes a quarter of an hour. */
export const INGEST_LOCK = 0x6d657473
/**
 * Stored times are multiples of this. Samples a minute apart never share one, and a device that sends whatever it likes gets no
 * more rows than the times that are kept have places.
 */
const SLOT_MS = 30_000
const MOST_SECONDS = 2_147_483_647

// What stands twice, in a batch or because it came again, is stored once: the first. In `late`, an update and not nothing where
// the row is there: it must be held until these samples can be seen, or who takes it away might not see them.
const STORE = `
  with added as (
    insert into metrics_minute
      (device_id, organization_id, site_id, at, cpu, memory, swap, load, received, sent, uptime_seconds, top_processes)
    select d.id, d.organization_id, d.site_id, s.at, s.cpu, s.memory, s.swap, s.load, s.received, s.sent, s.uptime, s.top::jsonb
    from unnest($1::uuid[], $2::timestamptz[], $3::real[], $4::real[], $5::real[], $6::real[], $7::real[], $8::real[], $9::int[],
      $10::text[]) as s (id, at, cpu, memory, swap, load, received, sent, uptime, top)
    join devices d on d.id = s.id and d.removed_at is null
    on conflict do nothing
    returning device_id, organization_id, site_id, at),
  disks as (
    insert into disk_metrics_minute (device_id, organization_id, site_id, at, total, available, used, mount)
    select a.device_id, a.organization_id, a.site_id, a.at, s.total, s.available, s.used, s.mount
    from unnest($11::uuid[], $12::timestamptz[], $13::text[], $14::bigint[], $15::bigint[], $16::real[])
      as s (id, at, mount, total, available, used)
    join added a on a.device_id = s.id and a.at = s.at
    on conflict do nothing)
  insert into late_metrics (device_id, at)
  select distinct device_id, date_bin('15 minutes', at, 'epoch') from added
  where at < (select closed_until from metrics_progress)
  order by 1, 2
  on conflict (device_id, at) do update set at = excluded.at`

export async function writeSamples(tx: Tx, reports: readonly MetricReport[]): Promise<void> {
  const rows = rowsOf(reports)
  if (rows.length === 0) return
  const disks = rows.flatMap(({ deviceId, at, sample }) => sample.disks.map((disk) => ({ deviceId, at, disk })))
  await tx.prepared('metrics_share', 'select pg_advisory_xact_lock_shared($1)', [INGEST_LOCK])
  await tx.prepared('metrics_store', STORE, [
    rows.map((row) => row.deviceId),
    rows.map((row) => row.at),
    rows.map(({ sample }) => sample.cpuPercent),
    rows.map(({ sample }) => sample.memoryPercent),
    rows.map(({ sample }) => sample.swapPercent),
    rows.map(({ sample }) => sample.load1),
    rows.map(({ sample }) => sample.receivedBytesPerSecond),
    rows.map(({ sample }) => sample.sentBytesPerSecond),
    rows.map(({ sample }) => Math.min(MOST_SECONDS, Math.floor(sample.uptimeSeconds))),
    rows.map(({ sample }) => (sample.topProcesses?.length ? JSON.stringify(sample.topProcesses) : null)),
    disks.map((row) => row.deviceId),
    disks.map((row) => row.at),
    disks.map(({ disk }) => disk.mount),
    disks.map(({ disk }) => disk.totalBytes),
    disks.map(({ disk }) => disk.availableBytes),
    disks.map(({ disk }) => disk.usedPercent),
  ])
}

/** The first of each slot. */
function rowsOf(reports: readonly MetricReport[]): { deviceId: string; at: string; sample: MetricSample }[] {
  const taken = new Set<string>()
  return reports.flatMap(({ deviceId, samples }) =>
    samples.flatMap((sample) => {
      const at = slotOf(sample.at)
      const slot = `${deviceId} ${at}`
      if (taken.has(slot)) return []
      taken.add(slot)
      return [{ deviceId, at, sample }]
    }),
  )
}

function slotOf(at: string): string {
  const ms = Date.parse(at)
  return new Date(ms - (ms % SLOT_MS)).toISOString()
}
