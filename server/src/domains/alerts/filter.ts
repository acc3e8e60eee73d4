/** Which alerts a call is about: its fields, and the same as conditions of SQL. */
import { type RawBuilder, sql } from 'kysely'
import { z } from 'zod'
import { asList, oneOrMany, referenceField } from '../../identity/fields.ts'
import type { Caller } from '../../kernel/caller.ts'
import { anyOf, contains } from '../../kernel/conditions.ts'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { momentField, readMoment } from '../../kernel/moment.ts'
import { deviceIds, resolveFilter } from '../devices/select.ts'
import { SIGNALS } from './rules.ts'
import { ALERT_STATUSES, type AlertStatus, SEVERITIES, type Severity } from './tables.ts'

export interface AlertFilter {
  ids?: readonly string[] | undefined
  severities?: readonly Severity[] | undefined
  statuses: readonly AlertStatus[]
  signals?: readonly string[] | undefined
  organizationIds?: readonly string[] | undefined
  siteIds?: readonly string[] | undefined
  deviceIds?: readonly string[] | undefined
  openedFrom?: Date | undefined
  openedBefore?: Date | undefined
  /** In the title, or in the device's name. */
  text?: string | undefined
}

export const UNRESOLVED: readonly AlertStatus[] = ['open', 'acknowledged']

const references = oneOrMany(referenceField)

/** What can be said of alerts wherever some are chosen. */
export const chosenAlerts = z.object({
  severity: oneOrMany(z.enum(SEVERITIES)).optional(),
  status: oneOrMany(z.enum(ALERT_STATUSES)).optional(),
  source: oneOrMany(z.string().max(40)).optional().describe('Signals, such as metric or device_offline.'),
  organization: references.optional(),
  site: references.optional(),
  device: references.optional().describe('Ids or names.'),
  since: momentField.optional().describe('Opened since: a time, 24h, or last_session: its end.'),
  until: momentField.optional(),
  older_than: momentField.optional().describe('Such as 48h.'),
  suppressed: z.boolean().optional().describe('Also those under another alert or in maintenance.'),
})
export type AlertFilterInput = Partial<z.output<typeof chosenAlerts>>

/** Whoever names devices wants to see all of theirs. */
export const unfolds = ({ suppressed, device }: AlertFilterInput): boolean => suppressed ?? device !== undefined

/** Names become ids and spans become times; what the caller can't see is not found. */
export async function resolveAlertFilter(
  tx: Tx,
  caller: Caller,
  now: Date,
  input: AlertFilterInput,
): Promise<AlertFilter> {
  const { organization, site } = input
  const place = await resolveFilter(tx, caller, { organization, site })
  const devices = asList(input.device)
  return {
    severities: asList(input.severity),
    statuses: input.status === undefined ? UNRESOLVED : [...new Set(asList(input.status))],
    signals: signals(asList(input.source)),
    organizationIds: place.organizationIds,
    siteIds: place.siteIds,
    deviceIds: devices && (await deviceIds(tx, devices)),
    openedFrom: input.since === undefined ? undefined : since(caller, input.since, now),
    openedBefore: earliest([
      input.until === undefined ? undefined : readMoment('until', input.until, now),
      input.older_than === undefined ? undefined : readMoment('older_than', input.older_than, now),
    ]),
  }
}

function signals(wanted: string[] | undefined): string[] | undefined {
  const unknown = wanted?.find((name) => !(SIGNALS as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw invalidInput(`source: no signal is called "${unknown}".`, `Signals are ${SIGNALS.join(', ')}.`)
  return wanted
}

function since(caller: Caller, text: string, now: Date): Date {
  if (text !== 'last_session') return readMoment('since', text, now)
  if (caller.lastUsedAt !== null) return new Date(caller.lastUsedAt)
  throw invalidInput('since: no earlier session of this credential is known.', 'Give a time or a span such as 24h.')
}

const earliest = (times: (Date | undefined)[]): Date | undefined => {
  const given = times.flatMap((at) => (at ? [at.getTime()] : []))
  return given.length === 0 ? undefined : new Date(Math.min(...given))
}

/** Not those for which another one stands or that a maintenance window covers; indexes leave those out by the same words. */
export const isUnfolded = sql<boolean>`(a.suppressed is null or a.suppressed in ('device_offline', 'rule'))`

/** Whether `alert_tally` can answer it: everything else has to be counted. */
export function isTallied({
  statuses,
  organizationIds: _o,
  siteIds: _s,
  severities: _y,
  ...rest
}: AlertFilter): boolean {
  return !statuses.includes('resolved') && Object.values(rest).every((value) => value === undefined)
}

/** Expects `alerts a`. */
export function alertConditions(filter: AlertFilter): RawBuilder<unknown>[] {
  const conditions = statusConditions(filter.statuses)
  if (filter.ids) conditions.push(sql`a.id = any (${[...filter.ids]}::uuid[])`)
  if (filter.severities) conditions.push(...severityConditions(filter.severities))
  if (filter.signals) conditions.push(sql`a.signal = any (${[...filter.signals]}::text[])`)
  if (filter.organizationIds) conditions.push(anyOf(sql`a.organization_id`, filter.organizationIds))
  if (filter.siteIds) conditions.push(anyOf(sql`a.site_id`, filter.siteIds))
  if (filter.deviceIds) conditions.push(anyOf(sql`a.device_id`, filter.deviceIds))
  if (filter.openedFrom) conditions.push(sql`a.opened_at >= ${filter.openedFrom}`)
  if (filter.openedBefore) conditions.push(sql`a.opened_at < ${filter.openedBefore}`)
  if (filter.text !== undefined) {
    const pattern = contains(filter.text)
    conditions.push(
      sql`(a.title ilike ${pattern} or a.device_id in (select id from devices where name ilike ${pattern}))`,
    )
  }
  return conditions
}

/** The literals let the indexes of what is unresolved serve; said twice, PostgreSQL would expect far fewer than there are. */
function statusConditions(statuses: readonly AlertStatus[]): RawBuilder<unknown>[] {
  const wanted = new Set(statuses)
  const [only] = wanted
  if (wanted.size === ALERT_STATUSES.length) return [sql`true`]
  if (wanted.size === 1) return [sql`a.status = ${sql.lit(only)}`]
  return [wanted.has('resolved') ? sql`a.status = any (${[...wanted]}::text[])` : sql`a.status <> 'resolved'`]
}

/** By weight, so that an index in that order is read only where these are. */
function severityConditions(severities: readonly Severity[]): RawBuilder<unknown>[] {
  const weights = new Set(severities.map(weightOf))
  const [least, most] = [Math.min(...weights), Math.max(...weights)]
  const weight = sql`severity_weight(a.severity)`
  if (least === most) return [sql`${weight} = ${sql.lit(least)}`]
  const between = sql`${weight} between ${sql.lit(least)} and ${sql.lit(most)}`
  const hasGaps = most - least + 1 > weights.size
  return hasGaps ? [between, sql`a.severity = any (${[...severities]}::text[])`] : [between]
}

/** As `severity_weight` of the database: 5 for critical, 1 for info. */
export const weightOf = (severity: Severity): number => SEVERITIES.length - SEVERITIES.indexOf(severity)
