/** The health of a fleet in text. */
import { countsText } from '../alerts/severities.ts'
import { scoreOf } from '../compliance/standing.ts'
import type { PartFacts } from './health.ts'
import type { FleetHealth, Part } from './parts.ts'

const scoreText = (score: number | null): string => (score === null ? 'health unknown' : `health ${score}`)
const nameOf = ({ name, organization }: Part): string => (organization === null ? name : `${name} (${organization})`)

function complianceText({ compliance }: PartFacts): string {
  const score = compliance && scoreOf(compliance.passed, compliance.failed)
  return score === null ? '' : `, compliance ${score} %`
}

export function healthText({ whole, parts, total }: FleetHealth, level: string, subject: string): string {
  const { facts, health } = whole
  const devices = facts.online + facts.offline + facts.pending
  const alerts = facts.alerts === null ? 'alerts not yours to read' : `open alerts: ${countsText(facts.alerts)}`
  const wrong = parts.filter((part) => part.health.reasons.length > 0)
  const rest = total - wrong.length
  return [
    `${subject}: ${scoreText(health.score)}${complianceText(facts)}. ${devices} devices: ${facts.online} online, ${facts.offline} offline, ${facts.pending} pending; ${alerts}.`,
    ...(wrong.length > 0 ? [`By ${level}, the worst first:`] : []),
    ...wrong.map((part, index) => {
      return `${index + 1}. ${nameOf(part)}: ${scoreText(part.health.score)}${complianceText(part.facts)}; ${part.health.reasons.join(', ')}.`
    }),
    ...(rest > 0 ? [`${rest} of ${total} are not named: nothing is wrong there, or less than here.`] : []),
    'Offline devices and backups are not assessed.',
  ].join('\n')
}
