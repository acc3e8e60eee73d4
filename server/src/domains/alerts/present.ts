/** How alerts are told, in a list and one by one. */
import { z } from 'zod'
import type { AlertGroup } from './groups.ts'
import type { AlertList } from './list.ts'
import type { AlertRow } from './rows.ts'
import { countsText } from './severities.ts'
import { SEVERITIES } from './tables.ts'

const place = z.object({ id: z.string(), name: z.string() })
const measured = z.union([z.number(), z.string()])

export const alertShape = z.object({
  id: z.string(),
  severity: z.string(),
  status: z.string(),
  title: z.string(),
  source: z.string(),
  device: place.nullable(),
  organization: place,
  site: z.string().optional(),
  opened_at: z.string(),
  last_seen_at: z.string(),
  occurrences: z.number().int(),
  state: z.string().optional(),
  value: measured.optional(),
  last_value: z.number().optional(),
  threshold: measured.optional(),
  unit: z.string().optional(),
  acknowledged_by: z.string().optional(),
  acknowledged_until: z.string().optional(),
  resolved_at: z.string().optional(),
  note: z.string().optional(),
  escalation: z.number().int().optional(),
  suppressed: z.string().optional(),
  stands_for: z.number().int().optional(),
})

export const countsShape = z.object({
  critical: z.number().int(),
  high: z.number().int(),
  medium: z.number().int(),
  low: z.number().int(),
  info: z.number().int(),
})

/** Only what says something: a firing alert that nobody touched is told in its first fields. */
export function presentAlert(alert: AlertRow): z.input<typeof alertShape> {
  const { value, threshold, unit } = alert.detail
  return {
    id: alert.id,
    severity: alert.severity,
    status: alert.status,
    title: alert.title,
    source: alert.signal,
    device: alert.device,
    organization: alert.organization,
    ...(!alert.device && alert.site && { site: alert.site.name }),
    opened_at: alert.openedAt,
    last_seen_at: alert.lastSeenAt,
    occurrences: alert.occurrences,
    ...(alert.state !== 'firing' && alert.status !== 'resolved' && { state: alert.state }),
    ...(value !== null && { value }),
    ...(alert.lastValue !== null && alert.lastValue !== value && { last_value: alert.lastValue }),
    ...(threshold !== null && { threshold }),
    ...(unit !== null && { unit }),
    ...(alert.acknowledgedBy !== null && { acknowledged_by: alert.acknowledgedBy }),
    ...(alert.acknowledgedUntil !== null && { acknowledged_until: alert.acknowledgedUntil }),
    ...(alert.resolvedAt !== null && { resolved_at: alert.resolvedAt }),
    ...(alert.note !== null && { note: alert.note }),
    ...(alert.escalation > 0 && { escalation: alert.escalation }),
    ...(alert.suppressed !== null && { suppressed: alert.suppressed }),
    ...(alert.children > 0 && { stands_for: alert.children }),
  }
}

/** One line: where, what, value against threshold, since when, how often. */
export function alertLine(alert: AlertRow): string {
  const where = alert.device?.name ?? alert.site?.name ?? 'whole organization'
  const facts = [
    measuredText(alert),
    `since ${minute(alert.openedAt)}`,
    alert.occurrences > 1 ? `${alert.occurrences} times` : '',
    alert.status === 'open' ? '' : alert.status,
    alert.state === 'firing' || alert.status === 'resolved' ? '' : (STATE_WORDS[alert.state] ?? ''),
    alert.escalation > 0 ? `escalated ${alert.escalation} times` : '',
    alert.children > 0 ? `stands for ${alert.children} more` : '',
  ].filter((fact) => fact !== '')
  return `${alert.severity}: ${where} (${alert.organization.name}): ${alert.title} [${facts.join(', ')}]`
}

const STATE_WORDS: Partial<Record<AlertRow['state'], string>> = {
  clearing: 'recovering',
  flapping: 'comes and goes',
  no_data: 'no data at present',
  clear: 'recovered',
}

function measuredText({ detail: { value, threshold, unit }, lastValue }: AlertRow): string {
  // What is a word, or wrong whenever it is there, stands in the title.
  if (typeof value !== 'number' || threshold === 0) return ''
  const of = unit === null ? '' : ` ${unit}`
  const now = lastValue !== null && lastValue !== value ? `, ${lastValue}${of} last` : ''
  return `${value}${of}${threshold === null ? '' : ` of ${threshold}${of}`}${now}`
}

/** To the minute: 2026-01-31 03:12 UTC. */
const minute = (at: string): string => `${at.slice(0, 16).replace('T', ' ')} UTC`

export const groupShape = z.object({
  key: z.string().nullable(),
  name: z.string(),
  organization: z.string().optional(),
  status: z.string().optional(),
  total: z.number().int(),
  counts: countsShape.partial(),
  first: z.string().optional(),
})

/** Zeros are left out: what is not named has none. */
export const presentGroup = ({ key, name, organization, status, total, counts, first }: AlertGroup) => ({
  key,
  name,
  ...(organization !== null && { organization }),
  ...(status !== null && { status }),
  total,
  counts: Object.fromEntries(
    SEVERITIES.flatMap((severity) => (counts[severity] > 0 ? [[severity, counts[severity]]] : [])),
  ),
  ...(first !== null && { first }),
})

function groupLine({ name, organization, status, counts, first }: AlertGroup): string {
  const facts = [organization, status === 'online' ? null : status].filter((fact) => fact !== null)
  const where = facts.length === 0 ? '' : ` (${facts.join(', ')})`
  return `${name}${where}: ${countsText(counts)}${first === null ? '' : `; ${first}`}`
}

/** Who comes first: where anything is serious, not those who have merely something to be tidied up. */
export function attentionOf(groups: readonly AlertGroup[]): AlertGroup[] {
  const serious = groups.filter(({ counts }) => counts.critical + counts.high + counts.medium > 0)
  return serious.length > 0 ? serious : [...groups]
}

/** The summary first: what a person asks for in the morning, in the order in which they act on it. */
export function listText(list: AlertList, groupBy: string | undefined, which: string): string {
  const { folded } = list
  const first = attentionOf(list.groups)
  // One device alone is not "first".
  const groups = groupBy === undefined ? (list.groups.length === 1 ? [] : first) : list.groups
  const hidden = folded.parent + folded.maintenance
  const reasons = [
    ...(folded.parent > 0 ? [`${folded.parent} under the alert that stands for them`] : []),
    ...(folded.maintenance > 0 ? [`${folded.maintenance} in maintenance`] : []),
  ]
  return [
    `${list.totalIsLowerBound ? 'More than ' : ''}${list.total} ${which} alert${list.total === 1 ? '' : 's'}: ${countsText(list.counts)}.`,
    ...(hidden > 0 ? [`Not shown: ${reasons.join(', ')}; suppressed: true shows them.`] : []),
    ...(groups.length > 0
      ? [groupBy === undefined ? 'Devices that need attention first:' : `By ${groupBy}, the worst first:`]
      : []),
    ...groups.map((group, index) => `${index + 1}. ${groupLine(group)}`),
    ...(groups.length > 0 && list.groupsInAll > groups.length ? [`and ${list.groupsInAll - groups.length} more.`] : []),
    ...(list.alerts.length > 0 ? ['Alerts:'] : []),
    ...list.alerts.map(alertLine),
    ...(list.cursor === null ? [] : ['Pass next_cursor as cursor for the next page.']),
  ].join('\n')
}
