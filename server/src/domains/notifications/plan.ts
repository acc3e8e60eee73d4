/**
 * From what happened to alerts to notifications that wait. An event is planned once: marking it and writing what follows from
 * it is one transaction, whichever node does it.
 */
import type { Tx } from '../../kernel/db.ts'
import { isNotifying } from '../alerts/service.ts'
import { type AlertEventKind, type AlertStatus, SEVERITIES, type Severity, type Suppression } from '../alerts/tables.ts'
import { quietHours, quietUntil } from './quiet-hours.ts'
import type { NotificationKind } from './tables.ts'

export interface PlannedEvent {
  kind: AlertEventKind
  detail: unknown
  alert_id: string
  organization_id: string
  partner_id: string
  site_id: string | null
  severity: Severity
  signal: string
  status: AlertStatus
  suppressed: Suppression | null
}

export interface Route {
  id: string
  partner_id: string
  organization_id: string | null
  channel_id: string
  severity: Severity
  signals: string[]
  group_wait_seconds: number
  remind_after_minutes: number | null
  escalate_after_minutes: number | null
  tells_resolved: boolean
  quiet_hours: unknown
}

/** A notification that an alert joins. */
interface Joined {
  route: Route
  event: Pick<PlannedEvent, 'alert_id' | 'organization_id' | 'site_id'>
  kind: NotificationKind
  dueAt: Date
}

const EVENTS_AT_ONCE = 500

const TAKE = `
  with taken as (
    select id from alert_events where planned_at is null order by id limit ${EVENTS_AT_ONCE} for update skip locked)
  update alert_events e set planned_at = $1
  from taken, alerts a, organizations o
  where e.id = taken.id and a.id = e.alert_id and o.id = a.organization_id
  returning e.id, e.kind, e.detail, e.alert_id, a.organization_id, o.partner_id, a.site_id, a.severity, a.signal, a.status,
    a.suppressed`

const ROUTES = `
  select r.id, r.partner_id, r.organization_id, r.channel_id, r.severity, r.signals, r.group_wait_seconds,
    r.remind_after_minutes, r.escalate_after_minutes, r.tells_resolved, r.quiet_hours
  from notification_routes r join notification_channels c on c.id = r.channel_id
  where r.enabled and c.enabled`

/** Whether a route is meant for an alert at all. */
export const concerns = (
  route: Route,
  alert: Pick<PlannedEvent, 'partner_id' | 'organization_id' | 'severity' | 'signal'>,
): boolean =>
  route.partner_id === alert.partner_id &&
  (route.organization_id === null || route.organization_id === alert.organization_id) &&
  SEVERITIES.indexOf(alert.severity) <= SEVERITIES.indexOf(route.severity) &&
  (route.signals.length === 0 || route.signals.includes(alert.signal))

/** What a route makes of an event; null where it is nothing to it. */
export function kindFor(route: Route, event: PlannedEvent): NotificationKind | null {
  if (event.suppressed !== null || !isNotifying(event.kind, event.detail) || !concerns(route, event)) return null
  if (event.kind === 'resolved') return route.tells_resolved ? 'resolved' : null
  if (event.kind === 'escalated') return 'escalation'
  return route.escalate_after_minutes === null ? 'alerts' : null
}

/** Critical ones wait for their group only; the others for the end of the quiet hours as well. */
export function dueAt(route: Route, severity: Severity, now: Date): Date {
  const due = new Date(now.getTime() + route.group_wait_seconds * 1000)
  if (severity === 'critical' || route.quiet_hours === null) return due
  return quietUntil(quietHours.parse(route.quiet_hours), due) ?? due
}

/** Answers how many events it took: fewer than it may take at once means that none are left. */
export async function planEvents(tx: Tx, now: Date, newId: () => string): Promise<{ taken: number; whole: boolean }> {
  const events = await tx.prepared<PlannedEvent & { id: number }>('notifications_take', TAKE, [now])
  if (events.length === 0) return { taken: 0, whole: true }
  const routes = await readRoutes(tx)
  const joined = events
    .toSorted((a, b) => a.id - b.id)
    .flatMap((event) =>
      routes.flatMap((route): Joined[] => {
        const kind = kindFor(route, event)
        return kind ? [{ route, event, kind, dueAt: dueAt(route, event.severity, now) }] : []
      }),
    )
  await join(tx, now, newId, joined)
  return { taken: events.length, whole: events.length < EVENTS_AT_ONCE }
}

export const readRoutes = (tx: Tx): Promise<Route[]> => tx.prepared<Route>('notification_routes', ROUTES, [])

// Open, told to nobody through an escalation route yet, and nobody acknowledged them for as long as the route says.
const OVERDUE = `
  select a.id as alert_id, a.organization_id, a.site_id, a.severity, a.signal, r.id as route_id
  from notification_routes r
    join notification_channels c on c.id = r.channel_id and c.enabled
    join organizations o on o.partner_id = r.partner_id and (r.organization_id is null or r.organization_id = o.id)
    join alerts a on a.organization_id = o.id and a.status = 'open' and a.suppressed is null
      and a.opened_at <= $1::timestamptz - make_interval(mins => r.escalate_after_minutes)
  where r.enabled and r.escalate_after_minutes is not null
    and a.opened_at > $1::timestamptz - interval '7 days'
    and not exists (select 1 from notifications n where n.route_id = r.id and n.alert_ids @> array[a.id])
  limit 500`

// Told last so long ago that the route wants it told again.
const TO_REMIND = `
  select a.id as alert_id, a.organization_id, a.site_id, a.severity, a.signal, r.id as route_id
  from notification_routes r
    join lateral (
      select t.alert_id, max(coalesce(n.ended_at, n.due_at)) as told_at
      from notifications n cross join unnest(n.alert_ids) as t (alert_id)
      where n.route_id = r.id and n.state in ('waiting', 'sending', 'retrying', 'sent') and n.kind <> 'resolved'
        and n.created_at > $1::timestamptz - interval '7 days'
      group by t.alert_id) told on true
    join alerts a on a.id = told.alert_id and a.status = 'open' and a.suppressed is null
  where r.enabled and r.remind_after_minutes is not null
    and told.told_at <= $1::timestamptz - make_interval(mins => r.remind_after_minutes)
  limit 500`

type Due = Pick<PlannedEvent, 'alert_id' | 'organization_id' | 'site_id' | 'severity' | 'signal'> & { route_id: string }

/** What time alone makes due: alerts that nobody acknowledged, and reminders. */
export async function planByTime(tx: Tx, now: Date, newId: () => string): Promise<void> {
  const overdue = await tx.prepared<Due>('notifications_overdue', OVERDUE, [now])
  const reminders = await tx.prepared<Due>('notifications_remind', TO_REMIND, [now])
  if (overdue.length + reminders.length === 0) return
  const routes = new Map((await readRoutes(tx)).map((route) => [route.id, route]))
  const joined = [
    ...overdue.map((due) => ({ due, kind: 'escalation' as const })),
    ...reminders.map((due) => ({ due, kind: 'reminder' as const })),
  ].flatMap(({ due, kind }): Joined[] => {
    const route = routes.get(due.route_id)
    if (!route || !concerns(route, { ...due, partner_id: route.partner_id })) return []
    return [{ route, event: due, kind, dueAt: dueAt(route, due.severity, now) }]
  })
  await join(tx, now, newId, joined)
}

/** Each route gathers by organization and kind; what waits already takes the new ones in. */
async function join(tx: Tx, now: Date, newId: () => string, joined: readonly Joined[]): Promise<void> {
  const groups = new Map<string, Joined[]>()
  for (const one of joined) {
    const key = `${one.route.id} ${one.event.organization_id} ${one.kind}`
    const group = groups.get(key)
    if (group) group.push(one)
    else groups.set(key, [one])
  }
  for (const group of groups.values()) await joinGroup(tx, now, newId(), group)
}

// It is due when the earliest of what it holds is.
const JOIN_GROUP = `
  insert into notifications as n (id, organization_id, site_id, route_id, channel_id, kind, alert_ids, due_at, created_at)
  values ($1, $2, $3, $4, $5, $6, $7::uuid[], $8, $9)
  on conflict (route_id, organization_id, kind) where state = 'waiting' do update set
    alert_ids = (select array_agg(distinct a) from unnest(n.alert_ids || excluded.alert_ids) a),
    site_id = case when n.site_id = excluded.site_id then n.site_id end,
    due_at = least(n.due_at, excluded.due_at)`

async function joinGroup(tx: Tx, now: Date, id: string, group: readonly Joined[]): Promise<void> {
  const [first] = group
  if (!first) return
  const sites = new Set(group.map(({ event }) => event.site_id))
  const due = Math.min(...group.map(({ dueAt }) => dueAt.getTime()))
  await tx.prepared('notifications_join', JOIN_GROUP, [
    id,
    first.event.organization_id,
    sites.size === 1 ? first.event.site_id : null,
    first.route.id,
    first.route.channel_id,
    first.kind,
    [...new Set(group.map(({ event }) => event.alert_id))],
    new Date(due),
    now,
  ])
}
