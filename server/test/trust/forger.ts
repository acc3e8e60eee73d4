/** Somebody with everything but the server's checkpoint key. */
import { generateKeyPairSync, sign } from 'node:crypto'

export function makePrivateKey(): { sign(text: string): string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url') }
}
