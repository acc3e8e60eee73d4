/** Time-based one-time passwords (RFC 6238 over RFC 4226): SHA-1, six digits, thirty seconds, as every authenticator app does. */
import { createHmac, timingSafeEqual } from 'node:crypto'

const STEP_SECONDS = 30
/** RFC 4226 §4 asks for at least 128 bits and recommends 160. */
export const SECRET_BYTES = 20

export const stepAt = (now: Date): number => Math.floor(now.getTime() / 1000 / STEP_SECONDS)

export function codeOf(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const digest = createHmac('sha1', secret).update(counter).digest()
  // RFC 4226 §5.3: the low four bits of the last byte say where to cut.
  const offset = digest.readUInt8(digest.length - 1) & 0x0f
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** The step that the code is of, one before and one after the present allowed; null when it is of none. */
export function matchingStep(secret: Buffer, code: string, now: Date): number | null {
  const current = stepAt(now)
  let found: number | null = null
  // All are compared, whichever matches.
  for (const step of [current - 1, current, current + 1]) {
    if (timingSafeEqual(Buffer.from(codeOf(secret, step)), Buffer.from(code))) found = step
  }
  return found
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4648 §6, without padding. */
export function base32(bytes: Buffer): string {
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  let text = ''
  for (let at = 0; at < bits.length; at += 5)
    text += ALPHABET[Number.parseInt(bits.slice(at, at + 5).padEnd(5, '0'), 2)]
  return text
}

/** What an authenticator app reads from a picture or a link. */
export function otpauthUri(secret: Buffer, account: string): string {
  const label = encodeURIComponent(`Breeze:${account}`)
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=Breeze&algorithm=SHA1&digits=6&period=${STEP_SECONDS}`
}
