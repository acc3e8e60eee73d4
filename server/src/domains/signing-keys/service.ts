/** Changing the key that signs commands, while agents are connected and commands are on their way. */
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { conflict } from '../../kernel/errors.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    signingKeys: SigningKeys
  }
}

export interface SigningKeysOptions {
  signer: { readonly id: string; readonly published: readonly ServerKey[]; rotate(expected: string): Promise<void> }
  now(): Date
  /** Has every connected agent come back, and learn the present keys with its welcome. */
  renew(): void
}

/** Agents know one key ahead. A second change before all of them were told of the first would lose some. */
const PAUSE_MS = 15 * 60_000

export class SigningKeys {
  readonly #options: SigningKeysOptions
  #rotatedAt = 0

  constructor(options: SigningKeysOptions) {
    this.#options = options
  }

  get currentId(): string {
    return this.#options.signer.id
  }

  get published(): readonly ServerKey[] {
    return this.#options.signer.published
  }

  /** In force at once, without a restart. `expected`: the key that is to be replaced. */
  async rotate(expected: string): Promise<void> {
    const nowMs = this.#options.now().getTime()
    if (nowMs - this.#rotatedAt < PAUSE_MS)
      throw conflict(
        'The signing key was changed a moment ago.',
        'Wait a quarter of an hour: agents learn the next key.',
      )
    await this.#options.signer.rotate(expected)
    this.#rotatedAt = nowMs
    this.#options.renew()
  }
}
