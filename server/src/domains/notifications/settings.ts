/** Channels and routes as tools see them: found and listed within the caller's reach, and deleted. */
import { type Compilable, type RawBuilder, sql } from 'kysely'
import type { Permission } from '@breeze/contract/governance'
import { MOST_COUNTED } from '../../identity/fields.ts'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { ambiguous, conflict, notFound } from '../../kernel/errors.ts'
import type { Severity } from '../alerts/tables.ts'
import { containing, isUuid, organizationsWith } from '../organizations/service.ts'
import type { ChannelKind } from './tables.ts'

export type SettingKind = 'channel' | 'route'
const TABLES = { channel: sql.table('notification_channels'), route: sql.table('notification_routes') }

const statement = <Row>(built: RawBuilder<Row>): Compilable<Row> => ({ compile: () => built.compile(query) })

/** Rows `t` of the partner itself and of the organizations in which the caller holds the permission. */
function placed(caller: Caller, permission: Permission): RawBuilder<boolean> {
  const reach = organizationsWith(caller, permission)
  const isPartners = caller.partner?.permissions.has(permission) ?? false
  return sql`t.partner_id = ${caller.partnerId}::uuid
    and (t.organization_id = any (${reach}::uuid[]) or (${isPartners} and t.organization_id is null))`
}

export interface Found {
  id: string
  name: string
  organizationId: string | null
}

/** The channel or route that an id or a name means. */
export async function findSetting(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  kind: SettingKind,
  reference: string,
): Promise<Found> {
  const meant = isUuid(reference) ? sql`t.id = ${reference}::uuid` : sql`lower(t.name) = lower(${reference})`
  const rows = await tx.all(
    statement(sql<Found>`
      select t.id, t.name, t.organization_id as "organizationId" from ${TABLES[kind]} t
      where ${placed(caller, permission)} and ${meant} order by t.id limit 21`),
  )
  const [first, second] = rows
  if (!first) throw notFound(kind, reference)
  if (!second) return first
  const candidates = rows.slice(0, 20).map(({ id, name }) => ({ id, name }))
  throw ambiguous(kind, reference, candidates)
}

export interface ListPage {
  text?: string | undefined
  limit: number
  after?: [text: string, id: string] | undefined
}
export interface SettingList<Row> {
  rows: Row[]
  next: [text: string, id: string] | null
  counted: number
}

export interface ChannelRow {
  id: string
  name: string
  kind: ChannelKind
  shown: string
  enabled: boolean
  organization_id: string | null
  /** Of its last notification that was tried. */
  last: { state: string; at: string; reason: string | null } | null
}

export const listChannels = (tx: Tx, caller: Caller, page: ListPage): Promise<SettingList<ChannelRow>> =>
  list<ChannelRow>(
    tx,
    caller,
    'channel',
    page,
    sql`t.id, t.name, t.kind, t.shown, t.enabled, t.organization_id, (
      select json_build_object('state', n.state, 'at', coalesce(n.ended_at, n.due_at), 'reason', n.reason)
      from notifications n where n.channel_id = t.id and n.state in ('sent', 'failed', 'retrying')
      order by n.created_at desc, n.id desc limit 1) as last`,
  )

export interface RouteRow {
  id: string
  name: string
  organization_id: string | null
  channel_id: string
  channel_name: string
  severity: Severity
  signals: string[]
  group_wait_seconds: number
  remind_after_minutes: number | null
  escalate_after_minutes: number | null
  tells_resolved: boolean
  quiet_hours: unknown
  enabled: boolean
}

export const listRoutes = (tx: Tx, caller: Caller, page: ListPage): Promise<SettingList<RouteRow>> =>
  list<RouteRow>(
    tx,
    caller,
    'route',
    page,
    sql`t.id, t.name, t.organization_id, t.channel_id, t.severity, t.signals, t.group_wait_seconds, t.remind_after_minutes,
      t.escalate_after_minutes, t.tells_resolved, t.quiet_hours, t.enabled,
      (select c.name from notification_channels c where c.id = t.channel_id) as channel_name`,
  )

/** By name. */
async function list<Row extends { id: string }>(
  tx: Tx,
  caller: Caller,
  kind: SettingKind,
  { text, limit, after }: ListPage,
  columns: RawBuilder<unknown>,
): Promise<SettingList<Row>> {
  const matching = text === undefined ? sql`true` : sql`t.name ilike ${containing(text)}`
  const where = sql`${placed(caller, 'monitoring.read')} and ${matching}`
  const later = after ? sql`(lower(t.name), t.id) > (${after[0]}, ${after[1]}::uuid)` : sql`true`
  const rows = await tx.all(
    statement(sql<Row & { sort_name: string }>`
      select ${columns}, lower(t.name) as sort_name from ${TABLES[kind]} t
      where ${where} and ${later} order by lower(t.name), t.id limit ${limit + 1}`),
  )
  const count = await tx.first(
    statement(sql<{ n: number }>`
      select count(*)::int as n from (select 1 from ${TABLES[kind]} t where ${where} limit ${MOST_COUNTED + 1}) matching`),
  )
  const last = rows[limit - 1]
  const next: [string, string] | null = rows.length > limit && last ? [last.sort_name, last.id] : null
  return { rows: rows.slice(0, limit), next, counted: count?.n ?? 0 }
}

/** `but`: the one that is to have the name. */
export async function requireFreeName(tx: Tx, caller: Caller, kind: SettingKind, name: string, but?: string) {
  const taken = await tx.first(
    statement(sql<{ id: string }>`
      select t.id from ${TABLES[kind]} t
      where ${placed(caller, 'monitoring.write')} and lower(t.name) = lower(${name}) and t.id is distinct from ${but ?? null}::uuid
      limit 1`),
  )
  if (taken) throw conflict(`A ${kind} is called "${name}" already.`, 'Choose another name.')
}

export const deleteSetting = (tx: Tx, kind: SettingKind, id: string): Promise<number> =>
  tx.run(statement(sql`delete from ${TABLES[kind]} where id = ${id}::uuid`))
