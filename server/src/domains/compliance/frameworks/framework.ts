/** What a framework is: data that says which controls the checks speak for, and how far. */
import { checkById } from '../checks/all.ts'
import { heaviest, type Severity, WEIGHTS } from '../severity.ts'

/**
 * `measured`: the checks cover what the control asks of devices. `partly`: they cover some of it. `attestation`: nothing of it
 * is measured by this system; somebody has to say and show it.
 */
export const MEASURES = ['measured', 'partly', 'attestation'] as const
export type Measure = (typeof MEASURES)[number]

export interface Control {
  /** Its number in the published text, or ours where that has none. */
  id: string
  /** In our words: the published text is its publisher's. */
  title: string
  measure: Measure
  /** Ids of checks; exactly those that need attestation have none. */
  checks: readonly string[]
  /** What is seen and what is not. */
  statement: string
  /** Otherwise that of its heaviest check. */
  severity?: Severity
  /** Only these devices; the control does not apply to others. */
  devices?: 'servers' | 'workstations'
}

export interface Framework {
  /** Of those that come with Breeze a name, of one's own a UUID. */
  id: string
  name: string
  publisher: string
  /** Of the published text, and of our mapping to it. */
  version: string
  /** Null: it comes with Breeze. */
  owner: { partnerId: string; organizationId: string | null } | null
  controls: readonly Control[]
}

export const ATTESTATION = 'Not measured by this system: needs attestation.'

export function severityOf(control: Control): Severity {
  return control.severity ?? heaviest(control.checks.flatMap((id) => checkById(id)?.severity ?? []))
}

export const weightOf = (control: Control): number => WEIGHTS[severityOf(control)]

export const isAssessed = (control: Control): boolean => control.checks.length > 0
