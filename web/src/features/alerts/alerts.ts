/** What the pages know of alerts: the shapes of the tools' answers. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList } from '../../app/tool-queries.ts'
import type { SeverityLevel } from '../../ui/severity.tsx'
import type { AlertSearch, AlertStatus, Grouping } from './alert-search.ts'

interface Place {
  id: string
  name: string
}

export interface Alert {
  id: string
  severity: SeverityLevel
  status: AlertStatus
  title: string
  source: string
  device: Place | null
  organization: Place
  site?: string
  opened_at: string
  last_seen_at: string
  occurrences: number
  state?: string
  value?: number | string
  last_value?: number
  threshold?: number | string
  unit?: string
  acknowledged_by?: string
  acknowledged_until?: string
  resolved_at?: string
  note?: string
  escalation?: number
  suppressed?: string
  stands_for?: number
}

export type Counts = Record<SeverityLevel, number>

export interface Group {
  key: string | null
  name: string
  organization?: string
  total: number
  counts: Partial<Counts>
  first?: string
}

export interface AlertPage extends ListPage {
  alerts: Alert[]
  counts: Counts
  suppressed?: { parent: number; maintenance: number }
  groups?: Group[]
}

export interface WholeAlert {
  alert: Alert
  recorded: Record<string, unknown>
  device_text?: unknown
  history: { kind: string; at: string; by: string | null; note: string | null }[]
  stands_for: { id: string; severity: SeverityLevel; title: string; device: string | null }[]
}

export interface Told {
  id: string
  kind: string
  state: string
  subject: string | null
  channel: string | null
  reason: string | null
  due_at: string
}

/** Tools whose answers are other ones once an alert changed. */
export const ALERT_TOOLS = ['get_alerts', 'get_alert', 'list_notifications'] as const

/** What the address says, as the tool takes it. */
export const filterOf = (search: AlertSearch, organization: string | undefined) => ({
  status: search.status ?? 'open',
  ...(organization && { organization }),
  ...(search.severity && { severity: search.severity }),
  ...(search.text && { text: search.text }),
  ...(search.device && { device: search.device }),
  ...(search.source && { source: search.source }),
  ...(search.all && { suppressed: true }),
})

export const alertList = (search: AlertSearch, organization: string | undefined) =>
  toolList<AlertPage>('get_alerts', filterOf(search, organization))

/** Only the numbers, or the groups: one row has to be asked for. */
const numbers = (filter: object) =>
  queryOptions({
    queryKey: ['get_alerts', 'numbers', filter],
    queryFn: () => api.tool<AlertPage>('get_alerts', { ...filter, limit: 1 }),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  })

/** By severity, of all that match the rest: they add up whichever is chosen. */
export const alertNumbers = (search: AlertSearch, organization: string | undefined) =>
  numbers({ ...filterOf(search, organization), severity: undefined })

export const alertGroups = (search: AlertSearch, organization: string | undefined, by: Grouping) =>
  numbers({ ...filterOf(search, organization), group_by: by })

/** For the rail: what should not wait. */
export const urgentAlerts = (organization: string | undefined) =>
  numbers({ status: 'open', severity: ['critical', 'high'], ...(organization && { organization }) })

export const wholeAlert = (alert: string) =>
  queryOptions({
    queryKey: ['get_alert', alert],
    queryFn: () => api.tool<WholeAlert>('get_alert', { alert }),
    staleTime: 10_000,
    retry: false,
  })

export const toldOf = (alert: string) =>
  queryOptions({
    queryKey: ['list_notifications', alert],
    queryFn: () => api.tool<{ notifications: Told[]; total: number }>('list_notifications', { alert, limit: 20 }),
    staleTime: 10_000,
    retry: false,
  })

/** "97 % of 90 %", or nothing where nothing was measured. */
export function measured({ value, threshold, unit }: Alert): string | null {
  if (value === undefined) return null
  const of = unit === undefined ? '' : ` ${unit}`
  return `${value}${of}${threshold === undefined ? '' : ` of ${threshold}${of}`}`
}

export const STATE_WORDS: Readonly<Record<string, string>> = {
  firing: 'holds',
  clearing: 'recovering',
  flapping: 'comes and goes',
  no_data: 'no data at present',
  clear: 'over',
}

export const placeOf = (alert: Alert): string => alert.device?.name ?? alert.site ?? 'whole organization'
