/** Channels and routes as tools see them: found and listed within the caller's reach, and deleted. */
import { type RawBuilder, sql } from 'kysely'
import type { Permission } from '@breeze/contract/governance'
import type { Caller } from '../../kernel/caller.ts'
import { statement, type Tx } from '../../kernel/db.ts'
import { conflict } from '../../kernel/errors.ts'
import { findNamed, listNamed, type Named, type NamedRows, type NamePage } from '../../kernel/named-rows.ts'
import type { Severity } from '../alerts/tables.ts'
import { organizationsWith } from '../organizations/service.ts'
import { requireLevel } from '../organizations/setting-level.ts'
import type { ChannelKind } from './tables.ts'

export type SettingKind = 'channel' | 'route'
const TABLES = { channel: sql.table('notification_channels'), route: sql.table('notification_routes') }

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
export function findSetting(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  kind: SettingKind,
  reference: string,
): Promise<Found> {
  const rows = sql<Found>`
    select t.id, t.name, t.organization_id as "organizationId" from ${TABLES[kind]} t where ${placed(caller, permission)}`
  return findNamed(tx, kind, rows, reference)
}

export const FOR_ALL = 'What holds for every organization'

/** One that the caller may change: it counts for all of an organization's alerts, so it takes the whole organization. */
export async function ownSetting(tx: Tx, caller: Caller, kind: SettingKind, reference: string): Promise<Found> {
  const found = await findSetting(tx, caller, 'monitoring.write', kind, reference)
  requireLevel(caller, 'monitoring.write', found.organizationId, FOR_ALL)
  return found
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

export const listChannels = (tx: Tx, caller: Caller, page: NamePage): Promise<NamedRows<ChannelRow>> =>
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

export const listRoutes = (tx: Tx, caller: Caller, page: NamePage): Promise<NamedRows<RouteRow>> =>
  list<RouteRow>(
    tx,
    caller,
    'route',
    page,
    sql`t.id, t.name, t.organization_id, t.channel_id, t.severity, t.signals, t.group_wait_seconds, t.remind_after_minutes,
      t.escalate_after_minutes, t.tells_resolved, t.quiet_hours, t.enabled,
      (select c.name from notification_channels c where c.id = t.channel_id) as channel_name`,
  )

const list = <Row extends Named>(
  tx: Tx,
  caller: Caller,
  kind: SettingKind,
  page: NamePage,
  columns: RawBuilder<unknown>,
): Promise<NamedRows<Row>> =>
  listNamed(tx, sql<Row>`select ${columns} from ${TABLES[kind]} t where ${placed(caller, 'monitoring.read')}`, page)

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
