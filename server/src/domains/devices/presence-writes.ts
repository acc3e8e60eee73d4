/** The statements of presence: the only writers of `devices.status` and `device_presence`. */
import type { Tx } from '../../kernel/db.ts'
import type { PresenceTurn } from './presence-turns.ts'
import type { Responses } from './response-times.ts'
import type { DeviceStatus } from './tables.ts'

/** What the latest heartbeat told, null where none did since the last write. */
export interface HeartbeatFacts {
  bootId: string | null
  uptimeSeconds: number | null
  cpuPercent: number | null
  memoryPercent: number | null
  clockSkewMs: number | null
}

export interface Beat extends HeartbeatFacts {
  configurationEtag?: string | null
  roundTripMs?: number | null
}

export interface Sighting {
  id: string
  at: Date
  facts: Beat | null
  /** Null: nothing was measured since the last write. */
  responses: Responses | null
}

/** Condition → whether the device has it. */
export type ConditionChanges = ReadonlyMap<string, boolean>

const ROWS = 5000

// Sorted by id: rows are locked in one order by every writer. Organization and site come from the device's own row.
const SIGHTINGS = `
  insert into device_presence
    (device_id, organization_id, site_id, last_seen_at, boot_id, uptime_seconds, cpu_percent, memory_percent, clock_skew_ms,
     configuration_etag, round_trip_ms, round_trip_usual_ms, round_trip_elevated)
  select d.id, d.organization_id, d.site_id, s.at, s.boot_id, s.uptime, s.cpu, s.memory, s.skew, s.etag, s.round_trip, s.usual,
    coalesce(s.elevated, false)
  from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::float8[], $5::float4[], $6::float4[], $7::int[], $8::text[],
    $9::float4[], $10::float4[], $11::boolean[])
    as s (id, at, boot_id, uptime, cpu, memory, skew, etag, round_trip, usual, elevated)
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
    clock_skew_ms = coalesce(excluded.clock_skew_ms, device_presence.clock_skew_ms),
    configuration_etag = coalesce(excluded.configuration_etag, device_presence.configuration_etag),
    round_trip_ms = coalesce(excluded.round_trip_ms, device_presence.round_trip_ms),
    round_trip_usual_ms = coalesce(excluded.round_trip_usual_ms, device_presence.round_trip_usual_ms),
    round_trip_elevated = case when excluded.round_trip_usual_ms is null then device_presence.round_trip_elevated
      else excluded.round_trip_elevated end`

// Whatever was said of its absence ends with the next turn.
const TURNS = `
  with turn as (
    select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::boolean[], $7::boolean[])
      as t (id, status, at, expected, back_at, overdue, observed)),
  locked as (
    select id from devices where id in (select id from turn) and removed_at is null order by id for no key update)
  update devices d set
    status = case when 'awaiting_approval' = any (d.conditions) then 'pending' else t.status end,
    first_seen_at = coalesce(d.first_seen_at, t.at),
    status_changed_at = t.at, status_expected = t.expected, expected_back_at = t.back_at, status_observed = t.observed,
    conditions = array(select c from unnest(d.conditions) c where c <> all ('{shutdown_expected,return_overdue,stale,missing}'))
      || case when t.expected is null then '{}' when t.overdue then '{return_overdue}' else '{shutdown_expected}' end::text[]
  from turn t join locked using (id)
  where d.id = t.id
  returning d.id, d.status`

// What is told of a condition replaces what was known of it; the others stay.
const CONDITIONS = `
  with told as (
    select id, array_agg(name) as names, array_agg(name) filter (where present) as there
    from unnest($1::uuid[], $2::text[], $3::boolean[]) as c (id, name, present) group by id),
  locked as (
    select id from devices where id in (select id from told) and removed_at is null order by id for no key update)
  update devices d set
    conditions = array(select c from unnest(d.conditions) c where c <> all (t.names)) || coalesce(t.there, '{}')
  from told t join locked using (id)
  where d.id = t.id`

// Whoever had to wait for approval was pending all the while, whatever the server heard.
const APPROVED = `
  with locked as (select id from devices where id = any ($1::uuid[]) and removed_at is null order by id for no key update)
  update devices d set status = case when d.id = any ($2::uuid[]) then 'online' else 'offline' end, status_changed_at = $3
  from locked where d.id = locked.id and d.status = 'pending' and d.first_seen_at is not null
    and not 'awaiting_approval' = any (d.conditions)
  returning d.id, d.status`

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
      rows.map((row) => row.facts?.configurationEtag ?? null),
      rows.map((row) => row.facts?.roundTripMs ?? null),
      rows.map((row) => row.responses?.usualMs ?? null),
      rows.map((row) => row.responses?.elevated ?? null),
    ])
  }
}

/** Answers those that have the status now: a device that waits for approval is pending whatever happens. */
export async function writeTurns(tx: Tx, turns: readonly PresenceTurn[]): Promise<Set<string>> {
  if (turns.length === 0) return new Set()
  const rows = await tx.prepared<{ id: string; status: DeviceStatus }>('presence_turns', TURNS, [
    turns.map((turn) => turn.deviceId),
    turns.map((turn) => turn.status),
    turns.map((turn) => turn.at),
    turns.map((turn) => turn.expected),
    turns.map((turn) => turn.expectedBackAt),
    turns.map((turn) => turn.overdue),
    turns.map((turn) => turn.observed),
  ])
  return new Set(rows.filter((row) => row.status !== 'pending').map((row) => row.id))
}

export async function writeConditions(tx: Tx, changes: ReadonlyMap<string, ConditionChanges>): Promise<void> {
  if (changes.size === 0) return
  const rows = [...changes].flatMap(([id, of]) => [...of].map(([name, isThere]) => ({ id, name, isThere })))
  await tx.prepared('device_conditions', CONDITIONS, [
    rows.map((row) => row.id),
    rows.map((row) => row.name),
    rows.map((row) => row.isThere),
  ])
}

/** Answers those whose status is another now. */
export async function writeApproved(
  tx: Tx,
  ids: readonly string[],
  online: readonly string[],
  at: Date,
): Promise<{ id: string; status: 'online' | 'offline' }[]> {
  return tx.prepared('presence_approved', APPROVED, [ids, online, at])
}
