/** Everything that changed since the last time, in one transaction: alerts with their events, and what is pending. */
import type { Tx } from '../../../kernel/db.ts'
import type { NewEvent } from './observation.ts'
import type { OpenAlert, Watched } from './watched.ts'

/** Of one watched condition, as it was when the writing began. */
export interface Write {
  watched: Watched
  stored: Watched['stored']
  alert: OpenAlert | null
  pending: { since: number; observedAt: number; value: number | null } | null
  value: number | null
  events: NewEvent[]
}

export interface Written {
  /** Alerts that were not inserted: another one is open there, or the device or rule is gone. */
  refused: Write[]
  /** Alerts that somebody closed meanwhile. */
  closed: Write[]
}

/** Taken at once, before anything is awaited: what comes meanwhile is for the next time. */
export function takeWrite(watched: Watched): Write {
  const { alert, ended, stored, value, since, observedAt } = watched
  return {
    watched,
    stored,
    alert: alert && { ...alert },
    pending: alert === null && !ended ? { since, observedAt, value } : null,
    value,
    events: watched.take(),
  }
}

const time = (at: number | null): Date | null => (at === null ? null : new Date(at))

// The device's place is its own row's: it may have moved. Sorted, so that two engines take locks in one order.
const INSERT = `
  with told as (
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
      $10::timestamptz[], $11::text[], $12::jsonb[], $13::float8[], $14::integer[], $15::timestamptz[], $16::timestamptz[],
      $17::timestamptz[], $18::uuid[], $19::text[])
    as t (id, organization_id, site_id, device_id, rule_id, signal, instance, severity, state, state_since, title, detail, value,
      occurrences, opened_at, last_seen_at, resolved_at, parent_id, suppressed))
  insert into alerts (id, organization_id, site_id, device_id, rule_id, signal, instance, severity, status, state, state_since,
    title, detail, last_value, occurrences, opened_at, last_seen_at, resolved_at, parent_id, suppressed)
  select t.id, coalesce(d.organization_id, t.organization_id), coalesce(d.site_id, t.site_id), t.device_id, t.rule_id, t.signal,
    t.instance, t.severity, case when t.resolved_at is null then 'open' else 'resolved' end, t.state, t.state_since, t.title,
    t.detail, t.value, t.occurrences, t.opened_at, t.last_seen_at, t.resolved_at, p.id, t.suppressed
  from told t join alert_rules r on r.id = t.rule_id
    left join devices d on d.id = t.device_id and d.removed_at is null
    left join alerts p on p.id = t.parent_id
  where t.device_id is null or d.id is not null
  order by t.device_id nulls first, t.rule_id, t.instance
  on conflict do nothing
  returning id`

const UPDATE = `
  with told as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::float8[], $7::integer[],
      $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::text[], $12::boolean[])
    as t (id, severity, state, state_since, title, value, occurrences, last_seen_at, resolved_at, parent_id, suppressed, changed)),
  locked as (
    select id from alerts where id in (select id from told) and status <> 'resolved' order by id for no key update)
  update alerts a set
    severity = t.severity, state = t.state, state_since = t.state_since, title = t.title,
    last_value = coalesce(t.value, a.last_value), occurrences = t.occurrences, last_seen_at = t.last_seen_at,
    status = case when t.resolved_at is null then a.status else 'resolved' end,
    resolved_at = t.resolved_at, parent_id = (select p.id from alerts p where p.id = t.parent_id), suppressed = t.suppressed,
    version = a.version + t.changed::integer
  from told t join locked using (id)
  where a.id = t.id
  returning a.id`

const EVENTS = `
  insert into alert_events (organization_id, site_id, alert_id, kind, at, detail)
  select a.organization_id, a.site_id, a.id, e.kind, e.at, e.detail
  from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::jsonb[]) with ordinality as e (alert_id, kind, at, detail, position)
    join alerts a on a.id = e.alert_id
  order by e.position`

const PENDING = `
  insert into alert_pending (device_id, rule_id, instance, organization_id, site_id, since, last_seen_at, value)
  select d.id, r.id, p.instance, d.organization_id, d.site_id, p.since, p.last_seen_at, p.value
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::float8[])
    as p (device_id, rule_id, instance, since, last_seen_at, value)
    join devices d on d.id = p.device_id and d.removed_at is null join alert_rules r on r.id = p.rule_id
  order by d.id, r.id, p.instance
  on conflict (device_id, rule_id, instance) do update set
    since = excluded.since, last_seen_at = excluded.last_seen_at, value = excluded.value`

const NO_LONGER_PENDING = `
  delete from alert_pending p using unnest($1::uuid[], $2::uuid[], $3::text[]) as g (device_id, rule_id, instance)
  where (p.device_id, p.rule_id, p.instance) = (g.device_id, g.rule_id, g.instance)`

export async function write(tx: Tx, writes: readonly Write[]): Promise<Written> {
  const written: Written = { closed: [], refused: [] }
  // Those of places first: alerts of devices may be their children. What ends before what begins in its place.
  const ofPlaces = writes.filter((one) => one.watched.place.deviceId === null)
  const ofDevices = writes.filter((one) => one.watched.place.deviceId !== null)
  for (const some of [ofPlaces, ofDevices]) {
    const known = some.filter((one) => one.stored === 'alert')
    const fresh = some.filter((one) => one.stored !== 'alert')
    written.closed.push(...(await update(tx, known)))
    written.refused.push(...(await insert(tx, fresh)))
  }
  const unheard = new Set([...written.closed, ...written.refused])
  await tell(
    tx,
    writes.filter((one) => !unheard.has(one)),
  )
  await writePending(
    tx,
    writes.filter((one) => one.pending !== null && one.watched.place.deviceId !== null),
  )
  await removePending(
    tx,
    writes.filter((one) => one.stored === 'pending' && one.pending === null),
  )
  return written
}

type WithAlert = Write & { alert: OpenAlert }
const withAlert = (writes: readonly Write[]): WithAlert[] =>
  writes.filter((one): one is WithAlert => one.alert !== null)

async function insert(tx: Tx, writes: readonly Write[]): Promise<Write[]> {
  const rows = withAlert(writes)
  if (rows.length === 0) return []
  const of = <T>(pick: (row: WithAlert) => T): T[] => rows.map(pick)
  const inserted = await tx.prepared<{ id: string }>('alerts_opened', INSERT, [
    of(({ alert }) => alert.id),
    of(({ watched }) => watched.place.organizationId),
    of(({ watched }) => watched.place.siteId),
    of(({ watched }) => watched.place.deviceId),
    of(({ watched }) => watched.rule.id),
    of(({ watched }) => watched.rule.signal),
    of(({ watched }) => watched.instance),
    of(({ alert }) => alert.severity),
    of(({ alert }) => alert.state),
    of(({ alert }) => time(alert.stateSince)),
    of(({ alert }) => alert.title),
    of(({ alert }) => JSON.stringify(alert.detail)),
    of(({ value }) => value),
    of(({ alert }) => alert.occurrences),
    of(({ alert }) => time(alert.openedAt)),
    of(({ alert }) => time(alert.lastSeenAt)),
    of(({ alert }) => time(alert.resolvedAt)),
    of(({ alert }) => alert.parentId),
    of(({ alert }) => alert.suppressed),
  ])
  const ids = new Set(inserted.map((row) => row.id))
  return rows.filter(({ alert }) => !ids.has(alert.id))
}

async function update(tx: Tx, writes: readonly Write[]): Promise<Write[]> {
  const rows = withAlert(writes)
  if (rows.length === 0) return []
  const of = <T>(pick: (row: WithAlert) => T): T[] => rows.map(pick)
  const updated = await tx.prepared<{ id: string }>('alerts_went_on', UPDATE, [
    of(({ alert }) => alert.id),
    of(({ alert }) => alert.severity),
    of(({ alert }) => alert.state),
    of(({ alert }) => time(alert.stateSince)),
    of(({ alert }) => alert.title),
    of(({ value }) => value),
    of(({ alert }) => alert.occurrences),
    of(({ alert }) => time(alert.lastSeenAt)),
    of(({ alert }) => time(alert.resolvedAt)),
    of(({ alert }) => alert.parentId),
    of(({ alert }) => alert.suppressed),
    of(({ events }) => events.length > 0),
  ])
  const ids = new Set(updated.map((row) => row.id))
  return rows.filter(({ alert }) => !ids.has(alert.id))
}

async function tell(tx: Tx, writes: readonly Write[]): Promise<void> {
  const rows = withAlert(writes).flatMap(({ alert, events }) => events.map((event) => ({ id: alert.id, ...event })))
  if (rows.length === 0) return
  await tx.prepared('alert_events_told', EVENTS, [
    rows.map((row) => row.id),
    rows.map((row) => row.kind),
    rows.map((row) => time(row.at)),
    rows.map((row) => (row.detail === undefined ? null : JSON.stringify(row.detail))),
  ])
}

async function writePending(tx: Tx, rows: readonly Write[]): Promise<void> {
  if (rows.length === 0) return
  await tx.prepared('alert_pending_written', PENDING, [
    rows.map(({ watched }) => watched.place.deviceId),
    rows.map(({ watched }) => watched.rule.id),
    rows.map(({ watched }) => watched.instance),
    rows.map(({ pending }) => time(pending?.since ?? 0)),
    rows.map(({ pending }) => time(pending?.observedAt ?? 0)),
    rows.map(({ pending }) => pending?.value ?? null),
  ])
}

async function removePending(tx: Tx, rows: readonly Write[]): Promise<void> {
  if (rows.length === 0) return
  await tx.prepared('alert_pending_removed', NO_LONGER_PENDING, [
    rows.map(({ watched }) => watched.place.deviceId),
    rows.map(({ watched }) => watched.rule.id),
    rows.map(({ watched }) => watched.instance),
  ])
}
