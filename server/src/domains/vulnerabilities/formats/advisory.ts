import type { VersionRange } from '../dpkg-version.ts'
import type { Ecosystem, VulnerabilitySeverity } from '../tables.ts'

/** Which versions of one source package of one release are vulnerable to one thing. */
export interface Advisory {
  ecosystem: Ecosystem
  /** `12`, `24.04`. */
  release: string
  package: string
  /** A CVE id where there is one. */
  vulnerability: string
  /** Null: nobody has said. */
  severity: VulnerabilitySeverity | null
  summary: string | null
  ranges: VersionRange[]
}

const LONGEST_SUMMARY = 200

export function shortSummary(text: string | undefined): string | null {
  const line = text
    ?.split('\n')
    .find((part) => part.trim() !== '')
    ?.trim()
  return line ? line.slice(0, LONGEST_SUMMARY).toWellFormed() : null
}
