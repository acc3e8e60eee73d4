/**
 * Secrets that Breeze must be able to read again, sealed before they reach the database (AES-256-GCM, NIST SP 800-38D).
 * `purpose` is part of what is authenticated: a sealed value moved to another row or column opens nothing.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'

const VERSION = 1
const IV_BYTES = 12
const TAG_BYTES = 16

export class SecretBox {
  readonly #key: Buffer
  readonly #macKeys = new Map<string, Buffer>()

  constructor(key: Buffer) {
    if (key.length !== 32) throw new TypeError('a data-encryption key has 32 bytes')
    this.#key = key
  }

  /** Tells keys apart, and says nothing about one. */
  get id(): string {
    return createHash('sha256')
      .update('breeze data-encryption key id\0')
      .update(this.#key)
      .digest('base64url')
      .slice(0, 16)
  }

  seal(plain: Buffer, purpose: string): Buffer {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(purpose))
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([Buffer.of(VERSION), iv, cipher.getAuthTag(), sealed])
  }

  /** A code (HMAC-SHA-256) that only this key makes, by a key of its own for each purpose (HKDF, RFC 5869). */
  mac(content: string, purpose: string): Buffer {
    const key =
      this.#macKeys.get(purpose) ?? Buffer.from(hkdfSync('sha256', this.#key, '', `breeze mac ${purpose}`, 32))
    this.#macKeys.set(purpose, key)
    return createHmac('sha256', key).update(content).digest()
  }

  /** Throws for what another key sealed, for another purpose, or what was changed since. */
  open(sealed: Buffer, purpose: string): Buffer {
    if (sealed[0] !== VERSION || sealed.length < 1 + IV_BYTES + TAG_BYTES) throw new Error('not a sealed value')
    const iv = sealed.subarray(1, 1 + IV_BYTES)
    const tag = sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES)
    const options = { authTagLength: TAG_BYTES }
    const decipher = createDecipheriv('aes-256-gcm', this.#key, iv, options)
      .setAAD(Buffer.from(purpose))
      .setAuthTag(tag)
    return Buffer.concat([decipher.update(sealed.subarray(1 + IV_BYTES + TAG_BYTES)), decipher.final()])
  }
}
