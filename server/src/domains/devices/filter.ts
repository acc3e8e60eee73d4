/** Which devices a read is about, as conditions of SQL. */
import { type RawBuilder, sql } from 'kysely'
import { trusted } from './conditions.ts'
import type { DeviceRole, DeviceStatus } from './tables.ts'

export interface DeviceFilter {
  ids?: readonly string[] | undefined
  organizationIds?: readonly string[] | undefined
  siteIds?: readonly string[] | undefined
  statuses?: readonly DeviceStatus[] | undefined
  condition?: string | undefined
  /** Only those that may get commands. */
  trusted?: true | undefined
  roles?: readonly DeviceRole[] | undefined
  /** Part of the operating system's name, whatever its case. */
  os?: string | undefined
  /** Part of the device's name, its operating system, or of its site's or organization's name. */
  text?: string | undefined
  lastSeenBefore?: Date | undefined
  lastSeenAfter?: Date | undefined
  firstSeenAfter?: Date | undefined
  simulated?: boolean | undefined
}

/** What the counters can answer: everything else has to be counted. */
export function isCounted(filter: DeviceFilter): boolean {
  const { organizationIds: _organizations, siteIds: _sites, statuses: _statuses, ...rest } = filter
  return Object.values(rest).every((value) => value === undefined)
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

/** One id as `=`, so that an index sorted by the next column still serves the order. */
function anyOf(column: RawBuilder<unknown>, ids: readonly string[]): RawBuilder<unknown> {
  const [first] = ids
  return ids.length === 1 ? sql`${column} = ${first}::uuid` : sql`${column} = any (${[...ids]}::uuid[])`
}

/** Expects `devices d` and `device_presence p`. */
export function deviceConditions(filter: DeviceFilter): RawBuilder<unknown>[] {
  const conditions = [sql`d.removed_at is null`, ...placeConditions(filter, 'd')]
  if (filter.ids) conditions.push(sql`d.id = any (${[...filter.ids]}::uuid[])`)
  if (filter.condition !== undefined) conditions.push(sql`d.conditions @> array[${filter.condition}]::text[]`)
  if (filter.trusted) conditions.push(trusted())
  if (filter.roles) conditions.push(sql`d.role = any (${[...filter.roles]}::text[])`)
  if (filter.os !== undefined) conditions.push(sql`d.os ilike ${contains(filter.os)}`)
  if (filter.text !== undefined) conditions.push(textCondition(filter.text))
  if (filter.simulated !== undefined) conditions.push(sql`d.simulated = ${filter.simulated}`)
  if (filter.firstSeenAfter) conditions.push(sql`d.first_seen_at > ${filter.firstSeenAfter}`)
  // Seen before: a device that was never seen was not seen before anything.
  if (filter.lastSeenBefore) conditions.push(sql`p.last_seen_at < ${filter.lastSeenBefore}`)
  if (filter.lastSeenAfter) conditions.push(sql`p.last_seen_at > ${filter.lastSeenAfter}`)
  return conditions
}

function textCondition(text: string): RawBuilder<unknown> {
  const pattern = contains(text)
  return sql`(d.name ilike ${pattern} or d.os ilike ${pattern}
    or d.site_id in (select id from sites where name ilike ${pattern})
    or d.organization_id in (select id from organizations where name ilike ${pattern}))`
}

/** The caller's text is text: its `%` and `_` mean themselves. */
function contains(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}
