/** Counts by severity. */
import { SEVERITIES, type Severity } from './tables.ts'

export type SeverityCounts = Record<Severity, number>

export function countsOf(found: readonly { severity: Severity; n: number }[]): SeverityCounts {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, info: 0 }
  for (const { severity, n } of found) counts[severity] += n
  return counts
}

export const totalOf = (counts: SeverityCounts): number =>
  SEVERITIES.reduce((sum, severity) => sum + counts[severity], 0)

export function countsText(counts: SeverityCounts): string {
  const told = SEVERITIES.filter((severity) => counts[severity] > 0).map(
    (severity) => `${counts[severity]} ${severity}`,
  )
  return told.length === 0 ? 'none' : told.join(', ')
}
