import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'

/** Ed25519 keys as the wire carries them: base64url of the 32 raw bytes, which is the `x` of a JWK (RFC 8037). */

export function createDeviceKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey
}

export function publicKeyText(privateKey: KeyObject): string {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (x === undefined) throw new Error('The device key is not an Ed25519 key')
  return x
}

export function exportPrivateKey(privateKey: KeyObject): string {
  return privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64url')
}

export function importPrivateKey(text: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(text, 'base64url'), format: 'der', type: 'pkcs8' })
}

export function signText(privateKey: KeyObject, message: string): string {
  return sign(null, Buffer.from(message), privateKey).toString('base64url')
}

/** False also for a key or a signature that cannot be read: to the caller both mean "not proven". */
export function verifyText(publicKey: string, message: string, signature: string): boolean {
  let key: KeyObject
  try {
    key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
  } catch {
    return false
  }
  const bytes = Buffer.from(signature, 'base64url')
  return bytes.length === 64 && verify(null, Buffer.from(message), key, bytes)
}
