/** Which devices a read is about, as conditions of SQL. */
import { type RawBuilder, sql } from 'kysely'
import { anyOf, contains } from '../../kernel/conditions.ts'
import { failsCheck } from '../compliance/failing.ts'
import { hasPatchState } from '../patches/state.ts'
import type { PatchState } from '../patches/tables.ts'
import { trusted } from './conditions.ts'
import type { DeviceRole, DeviceStatus, FieldValue } from './tables.ts'

export interface DeviceFilter {
  ids?: readonly string[] | undefined
  organizationIds?: readonly string[] | undefined
  siteIds?: readonly string[] | undefined
  statuses?: readonly DeviceStatus[] | undefined
  /** One of these. */
  conditions?: readonly string[] | undefined
  /** Beside them, this one: what an act is about. */
  having?: string | undefined
  /** Only those that may get commands. */
  trusted?: true | undefined
  roles?: readonly DeviceRole[] | undefined
  /** Part of the operating system's name, whatever its case. */
  os?: string | undefined
  /** Part of the device's name, its operating system, or of its site's or organization's name. */
  text?: string | undefined
  /** One of these. */
  tags?: readonly string[] | undefined
  /** In one of these. */
  groups?: readonly DeviceGroup[] | undefined
  /** Each of these: one of the fields that bear the name has the value. */
  fields?: readonly (readonly { fieldId: string; value: FieldValue }[])[] | undefined
  /** Fails one of these. */
  failingChecks?: readonly string[] | undefined
  patchStates?: readonly PatchState[] | undefined
  lastSeenBefore?: Date | undefined
  lastSeenAfter?: Date | undefined
  firstSeenAfter?: Date | undefined
  simulated?: boolean | undefined
}

/** As the condition of membership needs it; who is a member is asked anew each time. */
export interface DeviceGroup {
  id: string
  partnerId: string
  /** Null: any of the partner's. */
  organizationId: string | null
  /** Null: those that were put into it. */
  filter: DeviceFilter | null
}

/** What the counters can answer: everything else has to be counted. */
export function isCounted(filter: DeviceFilter): boolean {
  const { organizationIds: _organizations, siteIds: _sites, statuses: _statuses, ...rest } = filter
  return Object.values(rest).every((value) => value === undefined)
}

/** Whether the conditions name `device_presence p`. */
export function asksPresence({ lastSeenBefore, lastSeenAfter, groups = [] }: DeviceFilter): boolean {
  return (
    lastSeenBefore !== undefined ||
    lastSeenAfter !== undefined ||
    groups.some(({ filter }) => filter !== null && asksPresence(filter))
  )
}

/** For the columns of `device_counts` as well as those of `devices`. */
export function placeConditions(filter: DeviceFilter, table: 'd' | 'c'): RawBuilder<unknown>[] {
  const column = (name: string) => sql.ref(`${table}.${name}`)
  const conditions: RawBuilder<unknown>[] = []
  if (filter.organizationIds) conditions.push(anyOf(column('organization_id'), filter.organizationIds))
  if (filter.siteIds) conditions.push(anyOf(column('site_id'), filter.siteIds))
  if (filter.statuses) conditions.push(sql`${column('status')} = any (${[...filter.statuses]}::text[])`)
  return conditions
}

/** Expects `devices d` and, where `asksPresence` says so, `device_presence p`. */
export function deviceConditions(filter: DeviceFilter): RawBuilder<unknown>[] {
  const conditions = [sql`d.removed_at is null`, ...placeConditions(filter, 'd')]
  if (filter.ids) conditions.push(sql`d.id = any (${[...filter.ids]}::uuid[])`)
  if (filter.conditions) conditions.push(sql`d.conditions && ${[...filter.conditions]}::text[]`)
  if (filter.having !== undefined) conditions.push(sql`d.conditions @> array[${filter.having}]::text[]`)
  if (filter.trusted) conditions.push(trusted())
  if (filter.roles) conditions.push(sql`d.role = any (${[...filter.roles]}::text[])`)
  if (filter.os !== undefined) conditions.push(sql`d.os ilike ${contains(filter.os)}`)
  if (filter.text !== undefined) conditions.push(textCondition(filter.text))
  if (filter.tags) conditions.push(sql`d.tags && ${[...filter.tags]}::text[]`)
  if (filter.groups) conditions.push(oneOf(filter.groups.map(groupCondition)))
  for (const field of filter.fields ?? []) conditions.push(fieldCondition(field))
  if (filter.failingChecks) conditions.push(oneOf(filter.failingChecks.map(failsCheck)))
  if (filter.patchStates) conditions.push(hasPatchState(filter.patchStates, sql<Date>`now()`))
  if (filter.simulated !== undefined) conditions.push(sql`d.simulated = ${filter.simulated}`)
  if (filter.firstSeenAfter) conditions.push(sql`d.first_seen_at > ${filter.firstSeenAfter}`)
  // Seen before: a device that was never seen was not seen before anything.
  if (filter.lastSeenBefore) conditions.push(sql`p.last_seen_at < ${filter.lastSeenBefore}`)
  if (filter.lastSeenAfter) conditions.push(sql`p.last_seen_at > ${filter.lastSeenAfter}`)
  return conditions
}

const oneOf = (conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  conditions.length === 0 ? sql`false` : sql`(${sql.join(conditions, sql` or `)})`

/** Within the group's own place, also where no reader's reach bounds it. */
export function groupCondition({ id, partnerId, organizationId, filter }: DeviceGroup): RawBuilder<unknown> {
  const place =
    organizationId === null
      ? sql`d.organization_id in (select o.id from organizations o where o.partner_id = ${partnerId}::uuid)`
      : sql`d.organization_id = ${organizationId}::uuid`
  const member = filter
    ? sql.join(deviceConditions(filter), sql` and `)
    : sql`exists (select from device_group_members m where m.group_id = ${id}::uuid and m.device_id = d.id)`
  return sql`(${place} and ${member})`
}

function fieldCondition(alternatives: readonly { fieldId: string; value: FieldValue }[]): RawBuilder<unknown> {
  const has = alternatives.map(
    ({ fieldId, value }) => sql`(v.field_id = ${fieldId}::uuid and v.value = ${JSON.stringify(value)}::jsonb)`,
  )
  return sql`exists (select from device_field_values v where v.device_id = d.id and ${oneOf(has)})`
}

function textCondition(text: string): RawBuilder<unknown> {
  const pattern = contains(text)
  return sql`(d.name ilike ${pattern} or d.os ilike ${pattern}
    or d.site_id in (select id from sites where name ilike ${pattern})
    or d.organization_id in (select id from organizations where name ilike ${pattern}))`
}
