import { X509Certificate } from 'node:crypto'
import type { SectionData } from '@breeze/contract/agent-inventory'
import { clip } from '../collectors/section.ts'

export type Certificate = SectionData<'certificates'>[number]

/** One device's list; each certificate once, however many files hold it. */
export const MOST_CERTIFICATES = 500
/** A file with more is a store of authorities to trust, not what a server shows. */
const LONGEST_CHAIN = 10
const PEM = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED )?CERTIFICATE-----/g

/** All that a file holds, PEM or DER; what can't be parsed throws. */
export function parseCertificates(content: Buffer): X509Certificate[] {
  const blocks = content.toString('latin1').match(PEM)
  // OpenSSL's trusted certificate is the plain one with more behind it.
  if (blocks) return blocks.map((block) => new X509Certificate(block.replaceAll('TRUSTED ', '')))
  return isDer(content) ? [new X509Certificate(content)] : []
}

/** X.690 §8.1: a certificate is a SEQUENCE with a long length. */
const isDer = (content: Buffer): boolean => content[0] === 0x30 && ((content[1] ?? 0) & 0x80) !== 0

/** The one that a server shows for itself: the first of its chain (RFC 8446 §4.4.2). */
export function serverCertificate(content: Buffer): X509Certificate | undefined {
  const chain = parseCertificates(content)
  return chain.length > LONGEST_CHAIN ? undefined : chain[0]
}

export function certificateItem(source: string, certificate: X509Certificate): Certificate {
  return {
    source: clip(source, 500),
    // A certificate may be for names only.
    subject: clip(distinguishedName(certificate.subject) || (certificate.subjectAltName ?? ''), 500),
    issuer: clip(distinguishedName(certificate.issuer), 500),
    notAfter: certificate.validToDate.toISOString(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** As in RFC 4514 the most special part first, and with a space for people. */
const distinguishedName = (text: string | undefined): string => (text ?? '').split('\n').toReversed().join(', ')

export function eachOnce(items: readonly Certificate[]): Certificate[] {
  const first = new Map<string, Certificate>()
  for (const item of items) if (!first.has(item.fingerprint)) first.set(item.fingerprint, item)
  return [...first.values()].slice(0, MOST_CERTIFICATES)
}
