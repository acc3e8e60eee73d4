/** Records of the Open Source Vulnerability format (ossf.github.io/osv-schema), as osv.dev exports them. */
import { z } from 'zod'
import type { VersionRange } from '../dpkg-version.ts'
import type { Ecosystem, VulnerabilitySeverity } from '../tables.ts'
import { type Advisory, shortSummary } from './advisory.ts'
import { cvssSeverity } from './cvss.ts'

const event = z.object({ introduced: z.string(), fixed: z.string(), last_affected: z.string() }).partial()
const severity = z.array(z.object({ type: z.string(), score: z.string() })).max(20)
const affectedPackage = z.object({
  package: z.object({ ecosystem: z.string(), name: z.string().max(300) }),
  ranges: z
    .array(z.object({ type: z.string(), events: z.array(event).max(1000) }))
    .max(100)
    .optional(),
  versions: z.array(z.string()).max(20_000).optional(),
  severity: severity.optional(),
  ecosystem_specific: z.object({ urgency: z.string().optional() }).loose().optional(),
})
const record = z.object({
  id: z.string().max(100),
  withdrawn: z.string().optional(),
  aliases: z.array(z.string()).optional(),
  upstream: z.array(z.string()).optional(),
  related: z.array(z.string()).optional(),
  summary: z.string().optional(),
  details: z.string().optional(),
  severity: severity.optional(),
  affected: z.array(z.unknown()).max(5000),
})
type Record = z.infer<typeof record>
type Affected = z.infer<typeof affectedPackage>

const CVE = /CVE-\d{4}-\d+/
/** Versions without ranges: each stands for itself, and there may be many. */
const MOST_VERSIONS = 1000

export function* readOsvRecord(value: unknown): Generator<Advisory> {
  const parsed = record.safeParse(value)
  if (!parsed.success || parsed.data.withdrawn !== undefined) return
  const summary = shortSummary(parsed.data.summary ?? parsed.data.details)
  for (const raw of parsed.data.affected) {
    const found = affectedPackage.safeParse(raw)
    const place = found.success ? placeOf(found.data.package.ecosystem) : null
    if (!found.success || !place) continue
    const ranges = rangesOf(found.data)
    if (ranges.length === 0) continue
    const rated = severityOf(parsed.data, found.data)
    for (const vulnerability of namesOf(parsed.data))
      yield { ...place, package: found.data.package.name, vulnerability, severity: rated, summary, ranges }
  }
}

/** `Debian:12`, `Ubuntu:24.04:LTS`. What is repaired for subscribers only (`Ubuntu:Pro:…`) is not what a device gets. */
function placeOf(ecosystem: string): { ecosystem: Ecosystem; release: string } | null {
  const [, name, release] = /^(Debian|Ubuntu):(\d+(?:\.\d+)?)(?::LTS)?$/.exec(ecosystem) ?? []
  if (release === undefined) return null
  return { ecosystem: name === 'Debian' ? 'Debian' : 'Ubuntu', release }
}

/** An announcement (DSA, USN) repairs several, which it names; on its own it is one thing. */
function namesOf({ id, aliases = [], upstream = [], related = [] }: Record): string[] {
  const own = CVE.exec(id)?.[0]
  if (own !== undefined) return [own]
  const named = [...aliases, ...upstream, ...related].flatMap((text) => CVE.exec(text)?.[0] ?? [])
  return named.length > 0 ? [...new Set(named)] : [id]
}

function rangesOf({ ranges = [], versions = [] }: Affected): VersionRange[] {
  const ordered = ranges.filter(({ type }) => type === 'ECOSYSTEM').flatMap(({ events }) => spans(events))
  if (ordered.length > 0) return ordered
  return versions.slice(0, MOST_VERSIONS).map((version) => ({ introduced: version, lastAffected: version }))
}

function spans(events: readonly z.infer<typeof event>[]): VersionRange[] {
  const found: VersionRange[] = []
  let introduced: string | undefined
  for (const { introduced: begins, fixed, last_affected: lastAffected } of events) {
    if (begins !== undefined) introduced = begins
    if (introduced === undefined || (fixed === undefined && lastAffected === undefined)) continue
    found.push({
      introduced,
      ...(fixed !== undefined && { fixed }),
      ...(lastAffected !== undefined && { lastAffected }),
    })
    introduced = undefined
  }
  return introduced === undefined ? found : [...found, { introduced }]
}

/** Distributions' own words; Ubuntu calls negligible what is less than low. */
const WORDS: Readonly<{ [word: string]: VulnerabilitySeverity }> = {
  critical: 'critical',
  high: 'high',
  medium: 'medium',
  low: 'low',
  negligible: 'low',
}

/** The distribution's rating goes before the general one: it knows what it made of the package. */
function severityOf(of: Record, affected: Affected): VulnerabilitySeverity | null {
  const ratings = [...(affected.severity ?? []), ...(of.severity ?? [])]
  const words = [affected.ecosystem_specific?.urgency, ...ratings.map(({ score }) => score)]
  for (const word of words) {
    const known = WORDS[word?.toLowerCase().replaceAll('*', '') ?? '']
    if (known) return known
  }
  const vectors = ratings.flatMap(({ score }) => cvssSeverity(score) ?? [])
  return vectors[0] ?? null
}
