/** The statements of presence: the only writers of `devices.status` and `device_presence`. */
import type { GoodbyeReason } from '@breeze/contract/agent-protocol'
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

/** What was written of a device that was heard at least once. */
export interface Standing {
  id: string
  status: DeviceStatus
  last_seen_at: Date | null
  status_changed_at: Date | null
  status_expected: GoodbyeReason | null
  expected_back_at: Date | null
  status_observed: boolean
  overdue: boolean
  degraded: boolean
  usual_ms: number | null
  elevated: boolean
}

export function readStanding(tx: Tx): Promise<Standing[]> {
  return tx.prepared(
    'presence_standing',
    `select d.id, d.status, p.last_seen_at, d.status_changed_at, d.status_expected, d.expected_back_at, d.status_observed,
       'return_overdue' = any (d.conditions) as overdue, 'degraded' = any (d.conditions) as degraded,
       p.round_trip_usual_ms as usual_ms, coalesce(p.round_trip_elevated, false) as elevated
     from devices d left join device_presence p on p.device_id = d.id
     where d.removed_at is null and d.first_seen_at is not null`,
    [],
  )
}

/** Replaced by one another, and taken away by the next turn. */
const SILENT = `
  with due as (
    select d.id, s.name from device_presence p join devices d on d.id = p.device_id
      cross join lateral (select case when p.last_seen_at < $2 then 'missing' else 'stale' end) as s (name)
    where p.last_seen_at < $1 and d.removed_at is null and d.status <> 'online' and not s.name = any (d.conditions)
    order by d.id limit ${ROWS} for no key update of d)
  update devices d set conditions = array(select c from unnest(d.conditions) c where c <> all ('{stale,missing}')) || due.name
  from due where d.id = due.id
  returning d.id`

/** Marks devices that were silent since before these times, some thousand at once; answers which. */
export async function writeSilent(tx: Tx, staleBefore: Date, missingBefore: Date): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>('presence_silent', SILENT, [staleBefore, missingBefore])
  return rows.map((row) => row.id)
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
