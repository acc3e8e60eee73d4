/**
 * The link that leads to a request: it carries a code over the request and its end, so that nobody makes or alters one. It opens
 * the page and nothing else: whoever follows it signs in, sees what they may see, and decides with a fresh proof.
 */
import { KernelError } from '../../kernel/errors.ts'
import { sameDigest, type Mac } from '../../kernel/digests.ts'

const PURPOSE = 'approval link'
const LINK = /^v1\.(\d{1,12})\.([\w-]{43})$/

const codeOf = (keyed: Mac, operation: string, until: string): Buffer => keyed.mac(`${operation}.${until}`, PURPOSE)

export function linkTo(keyed: Mac, publicUrl: string, operation: string, expiresAt: Date): string {
  const until = String(Math.ceil(expiresAt.getTime() / 1000))
  return `${publicUrl}/approvals/${operation}?link=v1.${until}.${codeOf(keyed, operation, until).toString('base64url')}`
}

/** Throws for a link that this server did not make for this request, or that has ended. Reads nothing. */
export function checkLink(keyed: Mac, operation: string, link: string, now: Date): void {
  const [, until = '', code = ''] = LINK.exec(link) ?? []
  const wanted = codeOf(keyed, operation.toLowerCase(), until)
  if (until === '' || !sameDigest(Buffer.from(code, 'base64url'), wanted)) {
    throw new KernelError({
      code: 'confirmation_invalid',
      reason: 'This link was not made by this server, or it was altered on its way.',
      remedy: 'Open the request from the list of approvals, and tell whoever sent the link.',
    })
  }
  if (Number(until) * 1000 > now.getTime()) return
  throw new KernelError({
    code: 'confirmation_expired',
    reason: 'This link has ended, as the request that it led to.',
    remedy: 'The list of approvals shows what became of it.',
  })
}
