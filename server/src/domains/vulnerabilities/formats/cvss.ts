/** The severity that a CVSS 3 vector stands for (first.org, specification of version 3.1, sections 5 and 7.1). */
import type { VulnerabilitySeverity } from '../tables.ts'

const ATTACK_VECTOR: Readonly<Record<string, number>> = { N: 0.85, A: 0.62, L: 0.55, P: 0.2 }
const COMPLEXITY: Readonly<Record<string, number>> = { L: 0.77, H: 0.44 }
const PRIVILEGES: Readonly<Record<string, number>> = { N: 0.85, L: 0.62, H: 0.27 }
/** Where what is attacked can reach beyond itself, privileges weigh less. */
const PRIVILEGES_CHANGED: Readonly<Record<string, number>> = { N: 0.85, L: 0.68, H: 0.5 }
const INTERACTION: Readonly<Record<string, number>> = { N: 0.85, R: 0.62 }
const IMPACT: Readonly<Record<string, number>> = { H: 0.56, L: 0.22, N: 0 }

/** Null for what is no vector of version 3, and where there is no impact. */
export function cvssSeverity(vector: string): VulnerabilitySeverity | null {
  const score = cvssBaseScore(vector)
  if (score === null || score === 0) return null
  return score >= 9 ? 'critical' : score >= 7 ? 'high' : score >= 4 ? 'medium' : 'low'
}

export function cvssBaseScore(vector: string): number | null {
  if (!/^CVSS:3\.[01]\//.test(vector)) return null
  const metrics = new Map(vector.split('/').map((part) => [part.slice(0, part.indexOf(':')), part.split(':')[1] ?? '']))
  const isChanged = metrics.get('S') === 'C'
  const value = (name: string, table: Readonly<Record<string, number>>): number =>
    table[metrics.get(name) ?? ''] ?? Number.NaN
  const loss = 1 - (1 - value('C', IMPACT)) * (1 - value('I', IMPACT)) * (1 - value('A', IMPACT))
  const impact = isChanged ? 7.52 * (loss - 0.029) - 3.25 * (loss - 0.02) ** 15 : 6.42 * loss
  const exploitability =
    8.22 *
    value('AV', ATTACK_VECTOR) *
    value('AC', COMPLEXITY) *
    value('PR', isChanged ? PRIVILEGES_CHANGED : PRIVILEGES) *
    value('UI', INTERACTION)
  if (Number.isNaN(impact + exploitability)) return null
  return impact <= 0 ? 0 : roundUp(Math.min((isChanged ? 1.08 : 1) * (impact + exploitability), 10))
}

/** To one decimal, free of what binary fractions add (Appendix A of the specification). */
function roundUp(score: number): number {
  const whole = Math.round(score * 100_000)
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10
}
