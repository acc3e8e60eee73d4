/**
 * What follows from the sections that devices report: pending updates, history and state, as rows. The statements read the
 * stored sections themselves, so that lists of thousands of updates never pass through this process.
 */
import type { Tx } from '../../kernel/db.ts'
import type { PatchState } from './tables.ts'

export interface PatchFailure {
  deviceId: string
  name: string
  article: string | null
  /** When it failed, by the device's own record; not later than now. */
  at: Date
  /** In the words of the device. */
  reason: string | null
}

/** Of a device whose state, failures or pending reboot became different. */
export interface PatchChange {
  deviceId: string
  /** Null: there was none. */
  before: PatchState | null
  state: PatchState
  /** All that are open now. */
  failures: PatchFailure[]
  rebootPendingSince: Date | null
}

/** A device's own record is kept as long as this; more than one report holds, because a busy night must not push out the last. */
const KEPT = 400
/** A failure older than this says nothing of today; what is still lacking is counted as lacking. */
export const FAILED_DAYS = 30

// In one order with the writer of inventory, and held until the end: what is made of a section is made of its newest content.
const LOCK = `
  select 1 from device_sections
  where device_id = any ($1::uuid[]) and section in ('posture', 'update_history', 'updates')
  order by device_id, section for no key update`

const UPDATES = `
  with s as materialized (
    select s.device_id, d.organization_id, d.site_id, s.data, least(s.collected_at, $2) as seen_at
    from device_sections s join devices d on d.id = s.device_id and d.removed_at is null
    where s.device_id = any ($1::uuid[]) and s.section = 'updates' and s.status = 'ok'),
  told as materialized (
    select distinct on (s.device_id, k.key) s.device_id, s.organization_id, s.site_id, s.seen_at, k.key, u.name, u.installed, u.available,
      u.security, u.severity, u.article, u.origin,
      case when u."releasedOn" between '2000' and '2200' then u."releasedOn"::date end as released_on
    from s
    cross join lateral jsonb_to_recordset(s.data->'updates') as u (name text, installed text, available text, architecture text,
      origin text, security boolean, article text, severity text, "releasedOn" text)
    cross join lateral (select case when s.data->>'manager' = 'windows' then split_part(u.available, '.', 1)
      else u.name || ' ' || coalesce(u.architecture, '') end as key) k
    order by s.device_id, k.key, u.available desc),
  gone as (
    delete from device_updates o using s
    where o.device_id = s.device_id and not exists (select from told t where (t.device_id, t.key) = (o.device_id, o.key)))
  insert into device_updates (device_id, key, organization_id, site_id, name, installed, available, security, severity, article, origin,
    released_on, first_seen_at, security_since)
  select device_id, key, organization_id, site_id, name, installed, available, security, severity, article, origin,
    released_on, seen_at, case when security then seen_at end
  from told
  on conflict (device_id, key) do update set
    organization_id = excluded.organization_id, site_id = excluded.site_id, name = excluded.name, installed = excluded.installed,
    available = excluded.available, security = excluded.security, severity = excluded.severity, article = excluded.article,
    origin = excluded.origin, released_on = excluded.released_on,
    security_since = case when excluded.security then coalesce(device_updates.security_since, excluded.security_since) end
  where (device_updates.organization_id, device_updates.site_id, device_updates.name, device_updates.installed, device_updates.available,
      device_updates.security, device_updates.severity, device_updates.article, device_updates.origin, device_updates.released_on)
    is distinct from (excluded.organization_id, excluded.site_id, excluded.name, excluded.installed, excluded.available,
      excluded.security, excluded.severity, excluded.article, excluded.origin, excluded.released_on)`

const HISTORY = `
  insert into device_update_history (device_id, at, name, outcome, organization_id, site_id, version, article, reason, recorded_at)
  select s.device_id, t.at, h.name, h.outcome, d.organization_id, d.site_id, h.version, h.article, h.reason, $2
  from device_sections s join devices d on d.id = s.device_id and d.removed_at is null
    cross join lateral jsonb_to_recordset(s.data) as h (name text, version text, article text, at text, outcome text, reason text)
    cross join lateral (select case when h.at between '2000' and '2200' then h.at::timestamptz end as at) t
  where s.device_id = any ($1::uuid[]) and s.section = 'update_history' and s.status = 'ok' and t.at is not null
  on conflict do nothing`

const FORGET = `
  delete from device_update_history h using (
    select device_id, at from (
      select device_id, at, row_number() over (partition by device_id order by at desc) as place
      from device_update_history where device_id = any ($1::uuid[])) ranked
    where place = ${KEPT} + 1) last
  where h.device_id = last.device_id and h.at <= last.at`

// Windows and macOS drop an update that another one replaces: what they no longer offer has not failed any more. A package that dpkg
// could not configure is not offered either, and is broken all the same: there, only a later success counts.
const OPEN = `
  with last as materialized (
    select distinct on (device_id, coalesce(article, name)) device_id, at, name, outcome, article
    from device_update_history where device_id = any ($1::uuid[])
    order by device_id, coalesce(article, name), at desc, outcome desc),
  offers as (
    select device_id, (data->>'listsUpdatedAt') as looked_at from device_sections
    where device_id = any ($1::uuid[]) and section = 'updates' and status = 'ok' and data->>'manager' in ('windows', 'softwareupdate')),
  failing as (
    select l.* from last l left join offers o using (device_id)
    where l.outcome = 'failed' and l.at > $2::timestamptz - interval '${FAILED_DAYS} days'
      and (o.looked_at is null or o.looked_at not between '2000' and '2200' or o.looked_at::timestamptz <= l.at
        or exists (select from device_updates u where u.device_id = l.device_id and (u.article = l.article or u.name = l.name))))
  update device_update_history h set open = not h.open
  where h.device_id = any ($1::uuid[]) and (h.open or h.outcome = 'failed') and h.open is distinct from exists (
    select from failing f where (f.device_id, f.at, f.name, f.outcome) = (h.device_id, h.at, h.name, h.outcome))`

const STATE = `
  with told as (
    select d.id as device_id, d.organization_id, d.site_id, u.status, u.hash as updates_hash, u.data->>'manager' as manager,
      case when u.data->>'listsUpdatedAt' between '2000' and '2200' then least((u.data->>'listsUpdatedAt')::timestamptz, $2) end as looked_at,
      h.hash as history_hash, coalesce(h.status = 'ok', false) as history_known, p.hash as posture_hash, least(p.collected_at, $2) as posture_at,
      case when p.data->'rebootPending'->>'status' = 'ok' then (p.data->'rebootPending'->'data'->>'pending')::boolean end as reboot_pending
    from devices d
    left join device_sections u on u.device_id = d.id and u.section = 'updates'
    left join device_sections h on h.device_id = d.id and h.section = 'update_history'
    left join device_sections p on p.device_id = d.id and p.section = 'posture'
    where d.id = any ($1::uuid[]) and d.removed_at is null),
  pending as (
    select device_id, count(*) as missing, count(*) filter (where security) as security, count(*) filter (where security is null) as unrated,
      min(first_seen_at) as oldest, min(security_since) as oldest_security
    from device_updates where device_id = any ($1::uuid[]) group by device_id),
  failures as (
    select device_id, count(*) as failed, max(at) as last_at
    from device_update_history where device_id = any ($1::uuid[]) and open group by device_id),
  made as (
    select t.*, coalesce(p.missing, 0) as missing, coalesce(p.security, 0) as security, coalesce(p.unrated, 0) as unrated, p.oldest,
      p.oldest_security, coalesce(f.failed, 0) as failed, f.last_at,
      case when t.status is null then 'not_reported' when t.status <> 'ok' then 'not_readable'
        when t.looked_at is null then 'lists_of_unknown_age' end as reason,
      b.device_id is not null as was, b.state as state_before, b.failed as failed_before, b.last_failed_at as failed_at_before,
      b.reboot_pending_since as reboot_before,
      case when t.reboot_pending then coalesce(b.reboot_pending_since, t.posture_at)
        when t.reboot_pending is null then b.reboot_pending_since end as reboot_since
    from told t left join pending p using (device_id) left join failures f using (device_id)
      left join device_patch_state b using (device_id)),
  written as (
    insert into device_patch_state (device_id, organization_id, site_id, state, reason, manager, lists_updated_at, missing, missing_security,
      missing_unrated, oldest_missing_at, oldest_security_at, failed, last_failed_at, history_known, reboot_pending_since, updates_hash,
      history_hash, posture_hash, changed_at)
    select device_id, organization_id, site_id,
      case when reason is not null then 'unknown' when failed > 0 then 'failed' when missing > 0 then 'missing' else 'up_to_date' end,
      reason, manager, looked_at, missing, security, unrated, oldest, oldest_security, failed, last_at, history_known, reboot_since,
      updates_hash, history_hash, posture_hash, $2
    from made order by device_id
    on conflict (device_id) do update set
      organization_id = excluded.organization_id, site_id = excluded.site_id, state = excluded.state, reason = excluded.reason,
      manager = coalesce(excluded.manager, device_patch_state.manager),
      lists_updated_at = excluded.lists_updated_at, missing = excluded.missing, missing_security = excluded.missing_security,
      missing_unrated = excluded.missing_unrated, oldest_missing_at = excluded.oldest_missing_at,
      oldest_security_at = excluded.oldest_security_at, failed = excluded.failed, last_failed_at = excluded.last_failed_at,
      history_known = excluded.history_known, reboot_pending_since = excluded.reboot_pending_since,
      updates_hash = excluded.updates_hash, history_hash = excluded.history_hash, posture_hash = excluded.posture_hash,
      changed_at = excluded.changed_at
    returning device_id, state, failed, last_failed_at, reboot_pending_since)
  select w.device_id, m.state_before as before, w.state, w.reboot_pending_since
  from written w join made m using (device_id)
  where not m.was or (w.state, w.failed, w.last_failed_at, w.reboot_pending_since)
    is distinct from (m.state_before, m.failed_before, m.failed_at_before, m.reboot_before)`

const FAILURES = `
  select device_id, name, article, least(at, $2) as at, reason from device_update_history
  where device_id = any ($1::uuid[]) and open order by device_id, at desc`

interface ChangedRow {
  device_id: string
  before: PatchState | null
  state: PatchState
  reboot_pending_since: Date | null
}

/** Makes the rows of these devices anew; answers those for which something else follows than before. */
export async function derivePatches(tx: Tx, now: Date, deviceIds: readonly string[]): Promise<PatchChange[]> {
  const ids = [...deviceIds]
  await tx.prepared('lock_patch_sections', LOCK, [ids])
  await tx.prepared('derive_updates', UPDATES, [ids, now])
  await tx.prepared('derive_update_history', HISTORY, [ids, now])
  await tx.prepared('forget_update_history', FORGET, [ids])
  await tx.prepared('derive_open_failures', OPEN, [ids, now])
  const rows = await tx.prepared<ChangedRow>('derive_patch_state', STATE, [ids, now])
  if (rows.length === 0) return []
  const changed = rows.map((row) => row.device_id)
  const failures = await tx.prepared<FailureRow>('open_patch_failures', FAILURES, [changed, now])
  const failuresOf = Map.groupBy(failures.map(failureOf), (failure) => failure.deviceId)
  return rows.map((row) => ({
    deviceId: row.device_id,
    before: row.before,
    state: row.state,
    failures: failuresOf.get(row.device_id) ?? [],
    rebootPendingSince: row.reboot_pending_since,
  }))
}

interface FailureRow {
  device_id: string
  name: string
  article: string | null
  at: Date
  reason: string | null
}

const failureOf = ({ device_id, ...rest }: FailureRow): PatchFailure => ({ deviceId: device_id, ...rest })

/** All that are open on these devices now. */
export async function openFailures(tx: Tx, now: Date, deviceIds: readonly string[]): Promise<PatchFailure[]> {
  return (await tx.prepared<FailureRow>('open_patch_failures', FAILURES, [[...deviceIds], now])).map(failureOf)
}

/** Devices whose sections are not those that their rows were made of: a server ended in between. */
const BEHIND = `
  select s.device_id from device_sections s
    join devices d on d.id = s.device_id and d.removed_at is null
    left join device_patch_state p on p.device_id = s.device_id
  where (s.section = 'updates' and s.hash is distinct from p.updates_hash)
    or (s.section = 'update_history' and s.hash is distinct from p.history_hash)
    or (s.section = 'posture' and s.hash is distinct from p.posture_hash)
  group by s.device_id limit $1`

export async function devicesBehind(tx: Tx, most: number): Promise<string[]> {
  const rows = await tx.prepared<{ device_id: string }>('patches_behind', BEHIND, [most])
  return rows.map((row) => row.device_id)
}
