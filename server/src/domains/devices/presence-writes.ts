/** The statements of presence: the only writers of `devices.status` and `device_presence`. */
import type { Tx } from '../../kernel/db.ts'

/** What the latest heartbeat told, null where none did since the last write. */
export interface HeartbeatFacts {
  bootId: string | null
  uptimeSeconds: number | null
  cpuPercent: number | null
  memoryPercent: number | null
  clockSkewMs: number | null
}

export interface Sighting {
  id: string
  at: Date
  facts: HeartbeatFacts | null
}

export interface Turn {
  id: string
  status: 'online' | 'offline'
  /** It said goodbye. */
  expected: boolean
  at: Date
}

const ROWS = 5000

// Sorted by id: rows are locked in one order by every writer. Organization and site come from the device's own row.
const SIGHTINGS = `
  insert into device_presence
    (device_id, organization_id, site_id, last_seen_at, boot_id, uptime_seconds, cpu_percent, memory_percent, clock_skew_ms)
  select d.id, d.organization_id, d.site_id, s.at, s.boot_id, s.uptime, s.cpu, s.memory, s.skew
  from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::float8[], $5::float4[], $6::float4[], $7::int[])
    as s (id, at, boot_id, uptime, cpu, memory, skew)
  join devices d on d.id = s.id
  where d.removed_at is null
  order by d.id
  on conflict (device_id) do update set
    organization_id = excluded.organization_id,
    site_id = excluded.site_id,
    last_seen_at = greatest(device_presence.last_seen_at, excluded.last_seen_at),
    boot_id = coalesce(excluded.boot_id, device_presence.boot_id),
    uptime_seconds = coalesce(excluded.uptime_seconds, device_presence.uptime_seconds),
    cpu_percent = coalesce(excluded.cpu_percent, device_presence.cpu_percent),
    memory_percent = coalesce(excluded.memory_percent, device_presence.memory_percent),
    clock_skew_ms = coalesce(excluded.clock_skew_ms, device_presence.clock_skew_ms)`

const TURNS = `
  with turn as (
    select * from unnest($1::uuid[], $2::text[], $3::boolean[], $4::timestamptz[]) as t (id, status, expected, at)),
  locked as (
    select id from devices where id in (select id from turn) and removed_at is null order by id for no key update)
  update devices d set
    status = t.status,
    first_seen_at = coalesce(d.first_seen_at, t.at),
    conditions = case
      when t.expected then array_append(array_remove(d.conditions, 'shutdown_expected'), 'shutdown_expected')
      when t.status = 'online' then array_remove(d.conditions, 'shutdown_expected')
      else d.conditions end
  from turn t join locked using (id)
  where d.id = t.id`

export async function writeSightings(tx: Tx, sightings: readonly Sighting[]): Promise<void> {
  for (let start = 0; start < sightings.length; start += ROWS) {
    const rows = sightings.slice(start, start + ROWS)
    await tx.prepared('presence_sightings', SIGHTINGS, [
      rows.map((row) => row.id),
      rows.map((row) => row.at),
      rows.map((row) => row.facts?.bootId ?? null),
      rows.map((row) => row.facts?.uptimeSeconds ?? null),
      rows.map((row) => row.facts?.cpuPercent ?? null),
      rows.map((row) => row.facts?.memoryPercent ?? null),
      rows.map((row) => row.facts?.clockSkewMs ?? null),
    ])
  }
}

export async function writeTurns(tx: Tx, turns: readonly Turn[]): Promise<void> {
  if (turns.length === 0) return
  await tx.prepared('presence_turns', TURNS, [
    turns.map((turn) => turn.id),
    turns.map((turn) => turn.status),
    turns.map((turn) => turn.expected),
    turns.map((turn) => turn.at),
  ])
}

export function readOnline(tx: Tx): Promise<{ id: string; last_seen_at: Date | null }[]> {
  return tx.prepared(
    'presence_online',
    `select d.id, p.last_seen_at from devices d left join device_presence p on p.device_id = d.id
     where d.status = 'online' and d.removed_at is null`,
    [],
  )
}

export async function writeAlive(tx: Tx, at: Date): Promise<void> {
  await tx.prepared(
    'presence_alive',
    `insert into installation (key, value, updated_at) values ('alive_at', to_jsonb($1::text), $2)
     on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`,
    [at.toISOString(), at],
  )
}

export async function readAlive(tx: Tx): Promise<Date | null> {
  const rows = await tx.prepared<{ at: string }>(
    'presence_read_alive',
    `select value #>> '{}' as at from installation where key = 'alive_at'`,
    [],
  )
  const at = new Date(rows[0]?.at ?? Number.NaN)
  return Number.isNaN(at.getTime()) ? null : at
}
