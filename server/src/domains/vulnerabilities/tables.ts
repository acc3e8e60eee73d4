import type { ColumnType, Generated } from 'kysely'

/** From worst to least. Null stands for what nobody has rated. */
export const VULNERABILITY_SEVERITIES = ['critical', 'high', 'medium', 'low'] as const
export type VulnerabilitySeverity = (typeof VULNERABILITY_SEVERITIES)[number]
export type Ecosystem = 'Debian' | 'Ubuntu'
export type NotAssessed = 'not_reported' | 'not_readable' | 'system_unknown' | 'not_covered' | 'sources_unknown'

type Instant = ColumnType<Date, Date, Date>
type OptionalInstant = ColumnType<Date | null, Date | null | undefined, Date | null>

export interface VulnerabilityImportsTable {
  id: string
  ecosystem: Ecosystem
  format: 'debian-tracker' | 'osv'
  file: string
  state: 'running' | 'current' | 'failed'
  releases: string[]
  advisories: number
  imported_by: string
  started_at: Instant
  finished_at: OptionalInstant
  published_at: OptionalInstant
  error: string | null
}

export interface VulnerabilityAdvisoriesTable {
  import_id: string
  release: string
  package: string
  vulnerability: string
  severity: VulnerabilitySeverity | null
  summary: string | null
  ranges: unknown
}

export interface PackageAssessmentsTable {
  id: Generated<number>
  import_id: string
  release: string
  package: string
  version: string
}

export interface PackageVulnerabilitiesTable {
  assessment_id: number
  vulnerability: string
  severity: VulnerabilitySeverity | null
  fixed_version: string | null
}

export interface DeviceVulnerabilitiesTable {
  device_id: string
  vulnerability: string
  package: string
  organization_id: string
  site_id: string
  severity: VulnerabilitySeverity | null
  version: string
  fixed_version: string | null
  first_seen_at: Instant
}

export interface DeviceVulnerabilityStateTable {
  device_id: string
  organization_id: string
  site_id: string
  assessed: boolean
  reason: NotAssessed | null
  ecosystem: Ecosystem | null
  release: string | null
  import_id: string | null
  published_at: OptionalInstant
  imported_at: OptionalInstant
  critical: number | null
  high: number | null
  medium: number | null
  low: number | null
  unrated: number | null
  fixable: number | null
  packages: number | null
  software_hash: string | null
  os_hash: string | null
  assessed_at: Instant
}

declare module '../../kernel/schema.ts' {
  interface Database {
    vulnerability_imports: VulnerabilityImportsTable
    vulnerability_advisories: VulnerabilityAdvisoriesTable
    package_assessments: PackageAssessmentsTable
    package_vulnerabilities: PackageVulnerabilitiesTable
    device_vulnerabilities: DeviceVulnerabilitiesTable
    device_vulnerability_state: DeviceVulnerabilityStateTable
  }
}
