/** An alert as lists show it. */
import { type AlertDetail, alertDetail } from './detail.ts'
import type { AlertState, AlertStatus, Severity, Suppression } from './tables.ts'

export interface Place {
  id: string
  name: string
}

export interface AlertRow {
  id: string
  severity: Severity
  status: AlertStatus
  state: AlertState
  title: string
  signal: string
  instance: string
  /** Null: it concerns a site or an organization. */
  device: Place | null
  site: Place | null
  organization: Place
  openedAt: string
  lastSeenAt: string
  occurrences: number
  lastValue: number | null
  detail: AlertDetail
  acknowledgedBy: string | null
  acknowledgedUntil: string | null
  resolvedAt: string | null
  note: string | null
  escalation: number
  suppressed: Suppression | null
  /** Unresolved alerts that this one stands for. */
  children: number
  version: number
}

/** As the statement answers it: instants as ISO text made by `json_agg`, or as parsed by the driver. */
export interface RawAlert {
  id: string
  severity: Severity
  status: AlertStatus
  state: AlertState
  title: string
  signal: string
  instance: string
  device_id: string | null
  device_name: string | null
  site_id: string | null
  site_name: string | null
  organization_id: string
  organization_name: string
  opened_at: string | Date
  last_seen_at: string | Date
  occurrences: number
  last_value: number | null
  detail: unknown
  acknowledged_by_name: string | null
  acknowledged_until: string | Date | null
  resolved_at: string | Date | null
  note: string | null
  escalation: number
  suppressed: Suppression | null
  children: number
  version: number
}

const place = (id: string | null, name: string | null): Place | null => (id === null ? null : { id, name: name ?? '' })
/** To the second: a list holds many. */
const instant = (at: string | Date): string => `${new Date(at).toISOString().slice(0, 19)}Z`
const orNull = (at: string | Date | null): string | null => (at === null ? null : instant(at))

export const alertRow = (raw: RawAlert): AlertRow => ({
  id: raw.id,
  severity: raw.severity,
  status: raw.status,
  state: raw.state,
  title: raw.title,
  signal: raw.signal,
  instance: raw.instance,
  device: place(raw.device_id, raw.device_name),
  site: place(raw.site_id, raw.site_name),
  organization: { id: raw.organization_id, name: raw.organization_name },
  openedAt: instant(raw.opened_at),
  lastSeenAt: instant(raw.last_seen_at),
  occurrences: raw.occurrences,
  lastValue: raw.last_value,
  detail: alertDetail.parse(raw.detail),
  acknowledgedBy: raw.acknowledged_by_name,
  acknowledgedUntil: orNull(raw.acknowledged_until),
  resolvedAt: orNull(raw.resolved_at),
  note: raw.note,
  escalation: raw.escalation,
  suppressed: raw.suppressed,
  children: raw.children,
  version: raw.version,
})
