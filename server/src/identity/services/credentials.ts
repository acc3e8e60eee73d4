/** What tools may do about credentials beyond their rows: make secrets, and say that one is no longer good. */
import { hash } from '@node-rs/argon2'
import { hashToken, KEY_PREFIX, LINK_PREFIXES, makeToken, visiblePrefix, type LinkKind } from '../tokens.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    credentials: Credentials
  }
}

export interface CredentialsOptions {
  pepper: Buffer
  /** Where links lead. */
  publicUrl: string
  randomBytes(size: number): Buffer
  /** The authenticator's: open streams of the credential are cut. */
  revoked(credentialId: string): void
}

export interface MadeKey {
  /** Shown once, stored nowhere. */
  secret: string
  hash: Buffer
  prefix: string
}

export class Credentials {
  readonly #options: CredentialsOptions

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  makeKey(): MadeKey {
    const secret = makeToken(KEY_PREFIX, this.#options.randomBytes)
    return { secret, hash: hashToken(secret, this.#options.pepper), prefix: visiblePrefix(secret) }
  }

  /** A page of the console that lets its holder in once. Only the hash is stored. */
  makeLink(kind: LinkKind): { url: string; hash: Buffer } {
    const { pepper, publicUrl, randomBytes } = this.#options
    const token = makeToken(LINK_PREFIXES[kind], randomBytes)
    return { url: `${publicUrl}/${kind}/${token}`, hash: hashToken(token, pepper) }
  }

  /** 120 random bits. Hashing takes a while on purpose: never inside a transaction. */
  async makePassword(): Promise<{ password: string; hash: string }> {
    const password = this.#options.randomBytes(15).toString('base64url')
    return { password, hash: await hash(password) }
  }

  revoked(credentialIds: readonly string[]): void {
    for (const id of credentialIds) this.#options.revoked(id)
  }
}
