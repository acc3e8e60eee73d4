import { certificatesSection, type SectionData } from '@breeze/contract/agent-inventory'
import type { RuleOf } from '../../rule-rows.ts'
import { counted, instanceName, words } from '../describe.ts'
import type { FactContext, Finding, Findings } from './facts.ts'

const DAY_MS = 86_400_000
const data = certificatesSection.shape.data
type Certificate = SectionData<'certificates'>[number]

/** By days until they expire. A renewed certificate is another one, so that the alert of the old one ends. */
export function expiringCertificates(
  rule: RuleOf<'certificate_expiring'>,
  content: unknown,
  { at }: FactContext,
): Findings | null {
  const certificates = data.safeParse(content).data
  if (!certificates) return null
  const { levels, expired_days: expiredDays } = rule.condition
  const found = new Map<string, Finding>()
  for (const certificate of certificates) {
    const days = (Date.parse(certificate.notAfter) - at) / DAY_MS
    const level = levels.find((one) => days <= one.days)
    if (!level || days < -expiredDays) continue
    const whole = Math.floor(days)
    const describe = () => describeCertificate(certificate, whole, level.days)
    found.set(instanceName(certificate.fingerprint), { severity: level.severity, value: whole, describe })
  }
  return { found }
}

function describeCertificate(
  { subject, issuer, source, notAfter, fingerprint }: Certificate,
  days: number,
  within: number,
) {
  return {
    title:
      days >= 0
        ? `A certificate expires in ${counted(days, 'day')}`
        : `A certificate expired ${counted(-days, 'day')} ago`,
    detail: {
      value: days,
      threshold: within,
      unit: 'days',
      expires_at: notAfter,
      device_text: {
        subject: words(subject),
        issuer: words(issuer),
        source: words(source),
        fingerprint: words(fingerprint, 64),
      },
    },
  }
}
