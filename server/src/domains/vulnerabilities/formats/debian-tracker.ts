/** The Debian security tracker's export: package → vulnerability → release → status. */
import { z } from 'zod'
import type { VulnerabilitySeverity } from '../tables.ts'
import { type Advisory, shortSummary } from './advisory.ts'
import type { JsonPiece } from './json-pieces.ts'

/** Releases bear code names there. Those to come have no number yet. */
const RELEASES: Readonly<Record<string, string>> = {
  stretch: '9',
  buster: '10',
  bullseye: '11',
  bookworm: '12',
  trixie: '13',
  forky: '14',
}

const status = z.object({
  status: z.string(),
  fixed_version: z.string().max(200).optional(),
  urgency: z.string().optional(),
})
const vulnerability = z.object({
  description: z.string().optional(),
  releases: z.record(z.string(), status),
})

const SEVERITIES: Readonly<Record<string, VulnerabilitySeverity>> = { high: 'high', medium: 'medium', low: 'low' }

export function* readTrackerPiece({ keys, text }: JsonPiece): Generator<Advisory> {
  const [name = '', id = ''] = keys
  if (!/^CVE-\d{4}-\d+$/.test(id)) return
  const parsed = vulnerability.safeParse(JSON.parse(text))
  if (!parsed.success) return
  const summary = shortSummary(parsed.data.description)
  for (const [codename, found] of Object.entries(parsed.data.releases)) {
    const release = RELEASES[codename]
    if (release === undefined || !isVulnerable(found)) continue
    yield {
      ecosystem: 'Debian',
      release,
      package: name,
      vulnerability: id,
      // Two stars mark a rating made by a rule, not by a person.
      severity: SEVERITIES[found.urgency?.replaceAll('*', '') ?? ''] ?? null,
      summary,
      ranges: [{ introduced: '0', ...(found.status === 'resolved' && { fixed: found.fixed_version }) }],
    }
  }
}

/**
 * Fixed in version 0 is what never was in the release. `unimportant` is Debian's word for what can't be used against a
 * system, and `undetermined` for what nobody has looked at.
 */
function isVulnerable({ status: word, fixed_version: fixed, urgency }: z.infer<typeof status>): boolean {
  if (urgency === 'unimportant') return false
  return word === 'open' || (word === 'resolved' && fixed !== undefined && fixed !== '0')
}
