/** What is known of many devices at once, for whoever watches them: how many, how bad, and the worst by name. */
import type { Tx } from '../../kernel/db.ts'
import type { VulnerabilitySeverity } from './tables.ts'

export interface WatchedVulnerabilities {
  /** All that are known, each once; null: not assessed, which is not zero. */
  counts: Record<VulnerabilitySeverity, number> | null
  /** Of these, those that an update repairs, as far as rows are kept. */
  fixable: Record<VulnerabilitySeverity, number>
  /** Of the export that the device was compared with. */
  importedAt: Date | null
  publishedAt: Date | null
  /** The worst first. */
  worst: {
    vulnerability: string
    package: string
    severity: VulnerabilitySeverity | null
    version: string
    fixed_version: string | null
  }[]
}

interface Row {
  device_id: string
  assessed: boolean
  critical: number | null
  high: number | null
  medium: number | null
  low: number | null
  fixable: Partial<Record<VulnerabilitySeverity, number>> | null
  worst: WatchedVulnerabilities['worst'] | null
  imported_at: Date | null
  published_at: Date | null
}

const MOST_NAMED = 10
const OF_DEVICES = `
  select s.device_id, s.assessed, s.critical, s.high, s.medium, s.low, s.imported_at, s.published_at, f.fixable, w.worst
  from device_vulnerability_state s
    left join lateral (
      select jsonb_object_agg(severity, n) as fixable from (
        select severity, count(*) as n from (
          -- As bad as it is in the worst of its packages, repaired only if it is in all.
          select (array['critical', 'high', 'medium', 'low'])[min(array_position(array['critical', 'high', 'medium', 'low'], severity))] as severity
          from device_vulnerabilities where device_id = s.device_id
          group by vulnerability having bool_and(fixed_version is not null)) each
        where severity is not null group by 1) sums) f on s.assessed
    left join lateral (
      select jsonb_agg(to_jsonb(each)) as worst from (
        select vulnerability, package, severity, version, fixed_version from device_vulnerabilities where device_id = s.device_id
        order by array_position(array['critical', 'high', 'medium', 'low'], severity) nulls last, fixed_version is null,
          vulnerability desc, package limit ${MOST_NAMED}) each) w on s.assessed
  where s.device_id = any ($1::uuid[])`

/** By device; one that was never looked at is not there. */
export async function vulnerabilitiesOf(
  tx: Tx,
  deviceIds: readonly string[],
): Promise<Map<string, WatchedVulnerabilities>> {
  const rows = await tx.prepared<Row>('vulnerabilities_watched', OF_DEVICES, [deviceIds])
  return new Map(rows.map((row) => [row.device_id, watched(row)]))
}

function watched({ assessed, critical, high, medium, low, fixable, worst, ...row }: Row): WatchedVulnerabilities {
  const isCounted = assessed && critical !== null && high !== null && medium !== null && low !== null
  return {
    counts: isCounted ? { critical, high, medium, low } : null,
    fixable: { critical: 0, high: 0, medium: 0, low: 0, ...fixable },
    importedAt: row.imported_at,
    publishedAt: row.published_at,
    worst: worst ?? [],
  }
}
