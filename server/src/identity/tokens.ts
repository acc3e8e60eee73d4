/** Secrets that Breeze hands out: recognisable by prefix, stored only as a keyed hash. */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

export const KEY_PREFIX = 'brz_'
export const OPERATOR_PREFIX = 'brzop_'
export const ENROLLMENT_PREFIX = 'brze_'
export const SESSION_PREFIX = 'brzs_'
export const ACCESS_PREFIX = 'brzo_'
export const REFRESH_PREFIX = 'brzr_'
export const LINK_PREFIXES = { invitation: 'brzi_', reset: 'brzp_' } as const
export type LinkKind = keyof typeof LINK_PREFIXES

/** 32 random bytes behind a prefix that secret scanners can know. */
export function makeToken(prefix: string, random: (size: number) => Buffer): string {
  return `${prefix}${random(32).toString('base64url')}`
}

/** HMAC-SHA-256 under the installation's pepper: a stolen database alone can't be searched for a known token. */
export function hashToken(token: string, pepper: Buffer): Buffer {
  return createHmac('sha256', keyOf(pepper)).update(token).digest()
}

// Making a key object of the bytes costs more than the hash, and every request needs one.
const keys = new WeakMap<Buffer, KeyObject>()

function keyOf(pepper: Buffer): KeyObject {
  const known = keys.get(pepper)
  if (known) return known
  const made = createSecretKey(pepper)
  keys.set(pepper, made)
  return made
}

/** Enough to tell keys apart in a list, too little to guess the rest. */
export const visiblePrefix = (token: string): string => token.slice(0, KEY_PREFIX.length + 6)

export function sameSecret(a: string, b: string): boolean {
  const left = createHmac('sha256', 'compare').update(a).digest()
  const right = createHmac('sha256', 'compare').update(b).digest()
  return timingSafeEqual(left, right)
}
