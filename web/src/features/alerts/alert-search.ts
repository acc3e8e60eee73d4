/** What the address of the alerts' page holds: which ones, and how they are grouped. */
import type { SeverityLevel } from '../../ui/severity.tsx'

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const satisfies readonly SeverityLevel[]
/** `open` is what the page shows unless told otherwise. */
export const STATUSES = ['open', 'acknowledged', 'resolved'] as const
export type AlertStatus = (typeof STATUSES)[number]
export const GROUPINGS = ['device', 'source', 'severity', 'organization'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface AlertSearch {
  status?: AlertStatus
  severity?: SeverityLevel
  text?: string
  /** An id. */
  device?: string
  source?: string
  group?: Grouping
  /** Also those under another alert or in maintenance. */
  all?: true
}

/** What is set; what is undefined is taken out. */
export type SearchChange = { [Key in keyof AlertSearch]: AlertSearch[Key] | undefined }

const oneOf = <Value extends string>(values: readonly Value[], value: unknown): Value | undefined =>
  values.find((known) => known === value)
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

export function readAlertSearch(search: Record<string, unknown>): AlertSearch {
  return clean({
    status: oneOf(STATUSES, search['status']),
    severity: oneOf(SEVERITIES, search['severity']),
    text: text(search['text']),
    device: text(search['device']),
    source: text(search['source']),
    group: oneOf(GROUPINGS, search['group']),
    all: search['all'] === true ? true : undefined,
  })
}

/** Without what says nothing, so that addresses stay short. */
export const clean = (search: SearchChange): AlertSearch =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== ''))
