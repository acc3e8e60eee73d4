/** An authenticator with one key, and the browser's part of WebAuthn around it (level 3, §6 and §7). */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest()
const [PRESENT, VERIFIED, ATTESTED] = [0x01, 0x04, 0x40]

/** What an attack changes. */
export interface Twist {
  origin?: string
  rpId?: string
  challenge?: string
  type?: string
  verified?: boolean
  counter?: number
  userHandle?: string
}

export class VirtualAuthenticator {
  readonly id = randomBytes(16).toString('base64url')
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  readonly #origin: string
  #counter = 0
  #userHandle = ''

  constructor(origin: string) {
    this.#origin = origin
  }

  register(options: Record<string, unknown>, twist: Twist = {}) {
    this.#userHandle = (options['user'] as { id: string }).id
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' })
    // COSE_Key of an ES256 key (RFC 9053 §7.1.1): a map of five, in CBOR.
    const cose = Buffer.concat([
      Buffer.from('a5010203262001215820', 'hex'),
      Buffer.from(x, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(y, 'base64url'),
    ])
    const id = Buffer.from(this.id, 'base64url')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(id.length)
    const attested = Buffer.concat([Buffer.alloc(16), length, id, cose])
    const authData = this.#authData(options, twist, ATTESTED, attested)
    const size = Buffer.alloc(2)
    size.writeUInt16BE(authData.length)
    const attestation = Buffer.concat([
      Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746159', 'hex'),
      size,
      authData,
    ])
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      response: {
        clientDataJSON: this.#clientData('webauthn.create', options, twist).toString('base64url'),
        attestationObject: attestation.toString('base64url'),
        transports: ['internal'],
      },
      clientExtensionResults: {},
    }
  }

  answer(options: Record<string, unknown>, twist: Twist = {}) {
    const clientData = this.#clientData('webauthn.get', options, twist)
    const authData = this.#authData(options, twist, 0, Buffer.alloc(0))
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), this.#keys.privateKey)
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: authData.toString('base64url'),
        signature: signature.toString('base64url'),
        userHandle: twist.userHandle ?? this.#userHandle,
      },
      clientExtensionResults: {},
    }
  }

  #clientData(type: string, options: Record<string, unknown>, twist: Twist): Buffer {
    const challenge = twist.challenge ?? options['challenge']
    return Buffer.from(
      JSON.stringify({ type: twist.type ?? type, challenge, origin: twist.origin ?? this.#origin, crossOrigin: false }),
    )
  }

  #authData(options: Record<string, unknown>, twist: Twist, flags: number, more: Buffer): Buffer {
    const rpId = twist.rpId ?? (options['rpId'] as string | undefined) ?? (options['rp'] as { id: string }).id
    this.#counter = twist.counter ?? this.#counter + 1
    const head = Buffer.alloc(5)
    head.writeUInt8(flags | PRESENT | (twist.verified === false ? 0 : VERIFIED))
    head.writeUInt32BE(this.#counter, 1)
    return Buffer.concat([sha256(rpId), head, more])
  }
}
