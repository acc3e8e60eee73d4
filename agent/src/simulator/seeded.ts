import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'

/** Everything a simulated device is follows from texts: the same text gives the same value in every run. */

/** The DER frame of an Ed25519 private key (RFC 8410 §7); the 32 bytes of the key follow. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

export function seededHex(text: string, length = 32): string {
  return digest(text).toString('hex').slice(0, length)
}

/** Predictable by design: only for devices that do not exist. */
export function seededKey(text: string): KeyObject {
  const key = Buffer.concat([PKCS8_ED25519, digest(text)])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

export interface Chance {
  /** Uniform in [0, 1). */
  next(): number
  /** A whole number, both ends included. */
  between(low: number, high: number): number
  pick<T>(from: readonly [T, ...T[]]): T
}

/** Mulberry32: small, fast, and good enough to make invented machines differ. */
export function seededChance(text: string): Chance {
  let state = digest(text).readUInt32BE(0)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    pick: (from) => from[Math.floor(next() * from.length)] ?? from[0],
  }
}
