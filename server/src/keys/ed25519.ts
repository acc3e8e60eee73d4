/** Ed25519 as the wire carries it: keys as 32 raw bytes, signatures as base64url (RFC 8032, RFC 8037). */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'

export function createPrivateKeyText(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

export interface KeyPair {
  /** Short hash of the public key. */
  readonly id: string
  /** base64url of the 32 raw bytes. */
  readonly publicKey: string
  sign(text: string): string
  verify(text: string, signature: string): boolean
}

export function keyPair(pem: string | Buffer): KeyPair {
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 private key')
  const publicKey = createPublicKey(privateKey)
  const raw = publicKey.export({ format: 'jwk' }).x ?? ''
  return {
    id: createHash('sha256').update(Buffer.from(raw, 'base64url')).digest('base64url').slice(0, 16),
    publicKey: raw,
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url'),
    verify: (text, signature) => verifyText(publicKey, text, signature),
  }
}

/** Null when the text is not 32 bytes of base64url, or no point of the curve. */
export function importPublicKey(text: string): KeyObject | null {
  const raw = Buffer.from(text, 'base64url')
  if (raw.length !== 32 || raw.toString('base64url') !== text) return null
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text }, format: 'jwk' })
  } catch {
    // The library's way of saying that these bytes are no key.
    return null
  }
}

export function verifyText(key: KeyObject, text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  return bytes.length === 64 && verify(null, Buffer.from(text), key, bytes)
}

/** The same on a thread of the pool: one takes 0.1 ms, and after a restart thousands are asked for. */
export function verifyTextAside(key: KeyObject, text: string, signature: string): Promise<boolean> {
  const bytes = Buffer.from(signature, 'base64url')
  if (bytes.length !== 64) return Promise.resolve(false)
  return new Promise((resolve, reject) => {
    verify(null, Buffer.from(text), key, bytes, (error, isGood) => (error ? reject(error) : resolve(isGood)))
  })
}
