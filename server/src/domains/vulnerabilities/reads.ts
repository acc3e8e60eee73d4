import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import type { Ecosystem, NotAssessed, VulnerabilitySeverity } from './tables.ts'

export interface ImportRow {
  ecosystem: Ecosystem
  format: string
  file: string
  releases: string[]
  advisories: number
  importedAt: string
  publishedAt: string | null
}

/** By the owner's login. */
export async function readImports(tx: Tx): Promise<ImportRow[]> {
  const rows = await tx.all(
    query
      .selectFrom('vulnerability_imports')
      .select(['ecosystem', 'format', 'file', 'releases', 'advisories', 'started_at', 'finished_at', 'published_at'])
      .where('state', '=', 'current')
      .orderBy('ecosystem'),
  )
  return rows.map((row) => ({
    ecosystem: row.ecosystem,
    format: row.format,
    file: row.file,
    releases: row.releases,
    advisories: row.advisories,
    importedAt: (row.finished_at ?? row.started_at).toISOString(),
    publishedAt: row.published_at?.toISOString() ?? null,
  }))
}

export interface VulnerabilityCounts {
  critical: number
  high: number
  medium: number
  low: number
  unrated: number
}

export interface DeviceVulnerabilities {
  /** Null: not assessed, which is not zero. */
  counts: VulnerabilityCounts | null
  reason: NotAssessed | null
  /** Such as `Debian 12`. */
  system: string | null
  /** Of all that are known, how many an update repairs. */
  fixable: number | null
  assessedAt: string
  /** Of the export that it was compared with. */
  importedAt: string | null
  publishedAt: string | null
  /** The worst first. */
  rows: {
    vulnerability: string
    package: string
    severity: VulnerabilitySeverity | null
    version: string
    fixedVersion: string | null
    firstSeenAt: string
  }[]
}

export async function readDevice(tx: Tx, deviceId: string, most: number): Promise<DeviceVulnerabilities | null> {
  const state = await tx.first(
    query.selectFrom('device_vulnerability_state').selectAll().where('device_id', '=', deviceId),
  )
  if (!state) return null
  const { critical, high, medium, low, unrated } = state
  const isCounted = critical !== null && high !== null && medium !== null && low !== null && unrated !== null
  return {
    counts: state.assessed && isCounted ? { critical, high, medium, low, unrated } : null,
    reason: state.reason,
    system: state.ecosystem && `${state.ecosystem} ${state.release ?? ''}`.trim(),
    fixable: state.fixable,
    assessedAt: state.assessed_at.toISOString(),
    importedAt: state.imported_at?.toISOString() ?? null,
    publishedAt: state.published_at?.toISOString() ?? null,
    rows: state.assessed ? await readRows(tx, deviceId, most) : [],
  }
}

async function readRows(tx: Tx, deviceId: string, most: number): Promise<DeviceVulnerabilities['rows']> {
  const rows = await tx.all(
    query
      .selectFrom('device_vulnerabilities')
      .select(['vulnerability', 'package', 'severity', 'version', 'fixed_version', 'first_seen_at'])
      .where('device_id', '=', deviceId)
      .orderBy(sql`array_position(array['critical', 'high', 'medium', 'low'], severity) nulls last`)
      .orderBy(sql`fixed_version is null`)
      .orderBy('vulnerability', 'desc')
      .orderBy('package')
      .limit(most),
  )
  return rows.map((row) => ({
    vulnerability: row.vulnerability,
    package: row.package,
    severity: row.severity,
    version: row.version,
    fixedVersion: row.fixed_version,
    firstSeenAt: row.first_seen_at.toISOString(),
  }))
}
