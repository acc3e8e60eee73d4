/** What was seen of one condition in one place at one time, in the words that all signals share. */
import { SEVERITIES, type AlertEventKind, type Severity } from '../tables.ts'

/** Where a condition is: a device, or a site, or an organization. */
export interface Place {
  deviceId: string | null
  organizationId: string
  siteId: string | null
}

/** What an alert says when it opens or gets worse. `detail` is frozen. */
export interface Description {
  title: string
  detail: Record<string, unknown>
}

export interface Observation {
  /** Milliseconds. */
  at: number
  /** The worst severity whose condition is fulfilled; null: it is not. */
  fires: Severity | null
  /** The worst severity that is not over. Differs from `fires` only where firing and clearing have thresholds of their own. */
  holds: Severity | null
  value: number | null
  /** Asked only when an alert opens or gets worse. */
  describe(): Description
  /** How often it happened, of what happens rather than holds. */
  count?: number
}

export interface NewEvent {
  kind: AlertEventKind
  at: number
  detail?: Record<string, unknown>
}

const nothing = (): Description => ({ title: '', detail: {} })

/** The condition is not fulfilled. */
export const over = (at: number, value: number | null = null): Observation => ({
  at,
  fires: null,
  holds: null,
  value,
  describe: nothing,
})

/** It is there, or is not, without thresholds. */
export const there = (
  at: number,
  severity: Severity,
  describe: () => Description,
  value: number | null = null,
): Observation => ({ at, fires: severity, holds: severity, value, describe })

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity)
export const isWorse = (a: Severity, b: Severity): boolean => rank(a) < rank(b)
