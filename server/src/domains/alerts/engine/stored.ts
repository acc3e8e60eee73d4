/** What the database holds of the engine's work: read when it starts, and where somebody else wrote. */
import type { Tx } from '../../../kernel/db.ts'
import type { AlertState, BaselineKind, Severity, Suppression } from '../tables.ts'
import { FLAPPING, type OpenAlert } from './watched.ts'

export interface StoredAlert {
  alert: OpenAlert
  ruleId: string
  organizationId: string
  siteId: string | null
  deviceId: string | null
  instance: string
  value: number | null
}

interface AlertRow {
  id: string
  rule_id: string
  organization_id: string
  site_id: string | null
  device_id: string | null
  instance: string
  severity: Severity
  state: AlertState
  state_since: Date
  title: string
  detail: Record<string, unknown>
  last_value: number | null
  occurrences: number
  opened_at: Date
  last_seen_at: Date
  suppressed: Suppression | null
  parent_id: string | null
}

const OPEN = `
  select id, rule_id, organization_id, site_id, device_id, instance, severity, state, state_since, title,
    case when device_id is null then detail else '{}' end as detail, last_value, occurrences, opened_at, last_seen_at,
    suppressed, parent_id
  from alerts where status <> 'resolved' and rule_id is not null`

export async function readOpenAlerts(tx: Tx): Promise<StoredAlert[]> {
  return (await tx.prepared<AlertRow>('engine_open_alerts', OPEN, [])).map(storedAlert)
}

/** The open alert that stands where another one could not be opened. */
export async function readOpenAlertsAt(
  tx: Tx,
  places: readonly { deviceId: string; ruleId: string; instance: string }[],
): Promise<StoredAlert[]> {
  const rows = await tx.prepared<AlertRow>(
    'engine_open_alerts_at',
    `${OPEN} and (device_id, rule_id, instance) in (select * from unnest($1::uuid[], $2::uuid[], $3::text[]))`,
    [places.map((one) => one.deviceId), places.map((one) => one.ruleId), places.map((one) => one.instance)],
  )
  return rows.map(storedAlert)
}

const storedAlert = (row: AlertRow): StoredAlert => ({
  ruleId: row.rule_id,
  organizationId: row.organization_id,
  siteId: row.site_id,
  deviceId: row.device_id,
  instance: row.instance,
  value: row.last_value,
  alert: {
    id: row.id,
    severity: row.severity,
    state: row.state,
    stateSince: row.state_since.getTime(),
    title: row.title,
    detail: row.detail,
    occurrences: row.occurrences,
    openedAt: row.opened_at.getTime(),
    lastSeenAt: row.last_seen_at.getTime(),
    resolvedAt: null,
    suppressed: row.suppressed,
    parentId: row.parent_id,
  },
})

export interface StoredPending {
  device_id: string
  rule_id: string
  instance: string
  organization_id: string
  site_id: string
  since: Date
  last_seen_at: Date
  value: number | null
}

export const readPending = (tx: Tx): Promise<StoredPending[]> =>
  tx.prepared('engine_pending', 'select * from alert_pending', [])

export interface StoredTransitions {
  organization_id: string
  site_id: string | null
  device_id: string | null
  rule_id: string
  instance: string
  times: Date[]
}

/** When conditions began and ceased within the time that counts for flapping. */
export const readTransitions = (tx: Tx, now: Date): Promise<StoredTransitions[]> =>
  tx.prepared(
    'engine_transitions',
    `select a.organization_id, a.site_id, a.device_id, a.rule_id, a.instance, array_agg(e.at order by e.at, e.id) as times
     from alert_events e join alerts a on a.id = e.alert_id
     where e.organization_id in (select id from organizations) and e.at > $1 and e.kind in ('opened', 'recurred', 'clearing')
       and a.rule_id is not null
     group by 1, 2, 3, 4, 5`,
    [new Date(now.getTime() - FLAPPING.withinMs)],
  )

/** Of these, the alerts that people closed, and when. */
export const readClosedByPeople = (tx: Tx, since: Date): Promise<{ id: string; resolved_at: Date }[]> =>
  tx.prepared(
    'engine_closed_by_people',
    `select id, resolved_at from alerts where resolved_by is not null and resolved_at >= $1`,
    [since],
  )

const EXPIRED = `
  with due as (
    select id from alerts where status = 'acknowledged' and acknowledged_until <= $1 order by id for update),
  changed as (
    update alerts a set status = 'open', acknowledged_at = null, acknowledged_by = null, acknowledged_until = null,
      version = version + 1
    from due where a.id = due.id returning a.id, a.organization_id, a.site_id)
  insert into alert_events (organization_id, site_id, alert_id, kind, at, detail)
  select organization_id, site_id, id, 'unacknowledged', $1, '{"because": "expired"}' from changed returning alert_id`

/** Acknowledgements whose time is over: the alerts are open again. Answers how many. */
export async function expireAcknowledgements(tx: Tx, now: Date): Promise<number> {
  return (await tx.prepared('engine_acknowledgements_expired', EXPIRED, [now])).length
}

const EVALUATED = 'alerts evaluated until'

export async function readEvaluated(tx: Tx): Promise<Date | null> {
  const [row] = await tx.prepared<{ at: string }>(
    'engine_read_evaluated',
    `select value #>> '{}' as at from installation where key = $1`,
    [EVALUATED],
  )
  return row ? new Date(row.at) : null
}

/** Everything stored until then was looked at, and what followed from it is durable. */
export async function writeEvaluated(tx: Tx, at: Date): Promise<void> {
  await tx.prepared(
    'engine_evaluated',
    `insert into installation (key, value) values ($1, to_jsonb($2::text))
     on conflict (key) do update set value = excluded.value, updated_at = now()`,
    [EVALUATED, at.toISOString()],
  )
}

export async function readBaselines(
  tx: Tx,
  kind: BaselineKind,
  deviceIds: readonly string[],
): Promise<Map<string, ReadonlySet<string>>> {
  const rows = await tx.prepared<{ device_id: string; names: string[] }>(
    'engine_baselines',
    'select device_id, names from alert_baselines where kind = $1 and device_id = any ($2::uuid[])',
    [kind, deviceIds],
  )
  return new Map(rows.map((row) => [row.device_id, new Set(row.names)]))
}

export interface Baseline {
  deviceId: string
  kind: BaselineKind
  names: readonly string[]
}

export async function writeBaselines(tx: Tx, baselines: readonly Baseline[]): Promise<void> {
  if (baselines.length === 0) return
  await tx.prepared(
    'engine_baselines_written',
    `insert into alert_baselines (device_id, kind, organization_id, site_id, names)
     select d.id, b.kind, d.organization_id, d.site_id, array(select jsonb_array_elements_text(b.names))
     from unnest($1::uuid[], $2::text[], $3::jsonb[]) as b (device_id, kind, names)
       join devices d on d.id = b.device_id and d.removed_at is null
     order by d.id, b.kind
     on conflict (device_id, kind) do update set names = excluded.names`,
    [
      baselines.map((one) => one.deviceId),
      baselines.map((one) => one.kind),
      baselines.map((one) => JSON.stringify(one.names)),
    ],
  )
}
