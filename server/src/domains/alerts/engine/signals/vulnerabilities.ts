import { VULNERABILITY_SEVERITIES } from '../../../vulnerabilities/tables.ts'
import type { WatchedVulnerabilities } from '../../../vulnerabilities/watched.ts'
import type { RuleOf } from '../../rule-rows.ts'
import { counted, words } from '../describe.ts'
import type { Findings } from './facts.ts'

/** One alert for the device: its vulnerabilities are dealt with together. Null where it was not assessed. */
export function knownVulnerabilities(
  rule: RuleOf<'vulnerability'>,
  known: WatchedVulnerabilities | undefined,
): Findings | null {
  if (!known?.counts) return null
  const { least, fixable_only: fixableOnly } = rule.condition
  const counts = fixableOnly ? known.fixable : known.counts
  const bad = VULNERABILITY_SEVERITIES.slice(0, VULNERABILITY_SEVERITIES.indexOf(least) + 1)
  const count = bad.reduce((sum, severity) => sum + counts[severity], 0)
  if (count === 0) return { found: new Map() }
  const worst = bad.find((severity) => counts[severity] > 0) ?? least
  const named = known.worst.filter(
    ({ severity, fixed_version: fixed }) =>
      severity !== null && bad.includes(severity) && (!fixableOnly || fixed !== null),
  )
  const describe = () => ({
    title: `${counted(count, 'known vulnerability', 'known vulnerabilities')}${fixableOnly ? ' that an update repairs' : ''}, the worst ${worst}`,
    detail: {
      value: count,
      threshold: least,
      unit: 'vulnerabilities',
      counts,
      compared_with: {
        imported_at: known.importedAt?.toISOString() ?? null,
        published_at: known.publishedAt?.toISOString() ?? null,
      },
      device_text: {
        worst: named.map(({ vulnerability, package: name, severity, version, fixed_version: fixed }) => ({
          vulnerability: words(vulnerability, 60),
          package: words(name, 200),
          severity,
          version: words(version, 100),
          ...(fixed !== null && { fixed_version: words(fixed, 100) }),
        })),
      },
    },
  })
  return { found: new Map([['', { severity: rule.severity, value: count, describe }]]) }
}
