import type { LogEntry } from '@breeze/contract/agent-commands'
import type { EventEntry } from '@breeze/contract/agent-events'
import type { Tx } from '../../kernel/db.ts'
import { plausibleTime } from '../../kernel/plausible-time.ts'

export interface Sent {
  deviceId: string
  sequence: number
  entries: readonly EventEntry[]
}

/** Text that a device wrote: data, never instructions. */
export interface LoggedEvent {
  watchId: string
  log: string
  /** By the device's log, and never in the future. */
  at: Date
  source: string
  program: string | null
  level: LogEntry['level']
  text: string
  /** It stands for so many. */
  count: number
  user: string | null
  address: string | null
}

export interface LoggedEvents {
  deviceId: string
  entries: LoggedEvent[]
}

const KEPT_PER_DEVICE = 500
const OLDEST_MS = 30 * 86_400_000
const MOST_COUNTED = 1_000_000_000

interface Row extends LoggedEvent {
  deviceId: string
  sequence: number
  position: number
}

const INSERT = `
  insert into device_events (device_id, sequence, position, organization_id, site_id, watch_id, log, at, received_at, source, program,
    level, message, count, user_name, address)
  select d.id, e.sequence, e.position, d.organization_id, d.site_id, e.watch_id, e.log, e.at, $14, e.source, e.program, e.level,
    e.message, e.count, e.user_name, e.address
  from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::integer[], $12::text[], $13::text[])
    as e (id, sequence, position, watch_id, log, at, source, program, level, message, count, user_name, address)
  join devices d on d.id = e.id and d.removed_at is null
  order by d.id, e.sequence, e.position
  on conflict do nothing
  returning device_id, sequence, position`

const TRIM = `
  delete from device_events e using unnest($1::uuid[]) as d (id) cross join lateral (
    select sequence, position from device_events o where o.device_id = d.id
    order by sequence desc, position desc offset ${KEPT_PER_DEVICE} limit 1) as last
  where e.device_id = d.id and (e.sequence, e.position) <= (last.sequence, last.position)`

/** Answers what was not there before, by device. */
export async function writeEvents(tx: Tx, now: Date, sent: readonly Sent[]): Promise<LoggedEvents[]> {
  const rows = sent.flatMap((batch) => rowsOf(batch, now))
  const added = await insert(tx, now, rows)
  if (added.size === 0) return []
  const fresh = rows.filter((row) => added.delete(key(row)))
  const byDevice = Map.groupBy(fresh, (row) => row.deviceId)
  await tx.prepared('trim_events', TRIM, [[...byDevice.keys()].sort()])
  return [...byDevice].map(([deviceId, entries]) => ({ deviceId, entries }))
}

const key = (row: Pick<Row, 'deviceId' | 'sequence' | 'position'>): string =>
  `${row.deviceId} ${row.sequence} ${row.position}`

function rowsOf({ deviceId, sequence, entries }: Sent, now: Date): Row[] {
  return entries.map((entry, position) => ({
    deviceId,
    sequence,
    position,
    watchId: entry.watchId,
    log: entry.log,
    at: withinReason(entry.at, now),
    source: entry.source,
    program: entry.program,
    level: entry.level,
    text: entry.text,
    count: Math.min(entry.count ?? 1, MOST_COUNTED),
    user: entry.user ?? null,
    address: entry.address ?? null,
  }))
}

/** A device that was away tells of old things; one whose clock is ahead tells of none that are to come. */
function withinReason(at: string, now: Date): Date {
  const told = plausibleTime(at) ?? now
  return new Date(Math.min(now.getTime(), Math.max(now.getTime() - OLDEST_MS, told.getTime())))
}

async function insert(tx: Tx, now: Date, rows: readonly Row[]): Promise<Set<string>> {
  const added = await tx.prepared<{ device_id: string; sequence: number; position: number }>('insert_events', INSERT, [
    rows.map((row) => row.deviceId),
    rows.map((row) => row.sequence),
    rows.map((row) => row.position),
    rows.map((row) => row.watchId),
    rows.map((row) => row.log),
    rows.map((row) => row.at),
    rows.map((row) => row.source),
    rows.map((row) => row.program),
    rows.map((row) => row.level),
    rows.map((row) => row.text),
    rows.map((row) => row.count),
    rows.map((row) => row.user),
    rows.map((row) => row.address),
    now,
  ])
  return new Set(added.map(({ device_id: deviceId, ...place }) => key({ deviceId, ...place })))
}
