/** What is told of alerts, once for all channels. Titles are the server's own; nothing that a device wrote is in here. */
import type { Severity } from '../alerts/tables.ts'
import type { NotificationKind } from './tables.ts'

export interface ToldAlert {
  id: string
  severity: Severity
  title: string
  signal: string
  organization: { id: string; name: string }
  site: { id: string; name: string } | null
  device: { id: string; name: string } | null
  openedAt: Date
  resolvedAt: Date | null
  /** Alerts that stand behind this one. */
  children: number
}

export interface Message {
  notificationId: string
  kind: NotificationKind
  subject: string
  /** Worst first. */
  alerts: readonly ToldAlert[]
  /** Where they can be seen. */
  url: string
}

/** Lines of one message; the rest is counted. */
const MOST_LINES = 20

const OPENINGS: { readonly [K in NotificationKind]: string } = {
  alerts: '',
  escalation: 'Nobody acknowledged: ',
  reminder: 'Still open: ',
  resolved: 'Resolved: ',
}

/** `alerts` sorted, and not empty. */
export function subjectOf(kind: NotificationKind, alerts: readonly ToldAlert[]): string {
  const [worst] = alerts
  if (!worst) throw new Error('nothing to tell')
  const where = new Set(alerts.map(({ organization }) => organization.name))
  const place = where.size === 1 ? worst.organization.name : `${where.size} organizations`
  if (alerts.length === 1) return `${OPENINGS[kind]}[${worst.severity}] ${worst.title} (${place})`
  return `${OPENINGS[kind]}${counted(alerts)} at ${place}: ${worst.title} and ${alerts.length - 1} more`
}

function counted(alerts: readonly ToldAlert[]): string {
  const counts = new Map<Severity, number>()
  for (const { severity } of alerts) counts.set(severity, (counts.get(severity) ?? 0) + 1)
  return [...counts].map(([severity, count]) => `${count} ${severity}`).join(', ')
}

export function linesOf({ alerts }: Pick<Message, 'alerts'>): string[] {
  const lines = alerts.slice(0, MOST_LINES).map(lineOf)
  const more = alerts.length - lines.length
  return more > 0 ? [...lines, `and ${more} more`] : lines
}

function lineOf({ severity, title, organization, site, openedAt, resolvedAt, children }: ToldAlert): string {
  const place = site ? `${organization.name}, ${site.name}` : organization.name
  const behind = children > 0 ? `, ${children} alerts behind it` : ''
  const time = resolvedAt ? `resolved ${stamp(resolvedAt)}` : `since ${stamp(openedAt)}`
  return `[${severity}] ${title} (${place}), ${time}${behind}`
}

const stamp = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** As webhooks get it. Snake case, times in UTC. */
export const payloadOf = (message: Message): Record<string, unknown> => ({
  id: message.notificationId,
  type: message.kind,
  subject: message.subject,
  url: message.url,
  alerts: message.alerts.map((alert) => ({
    id: alert.id,
    severity: alert.severity,
    title: alert.title,
    source: alert.signal,
    organization: alert.organization,
    site: alert.site,
    device: alert.device,
    opened_at: alert.openedAt.toISOString(),
    resolved_at: alert.resolvedAt?.toISOString() ?? null,
    children: alert.children,
  })),
})
