import type { ServerKey } from '@breeze/contract/agent-protocol'
import { decideServerKeys } from '../server-keys.ts'

/** Whose commands run: pinned at enrollment, replaced by the rule that real devices follow. One for the whole fleet. */
export class KeyRing {
  readonly #pinned: readonly ServerKey[]
  #trusted: readonly ServerKey[]

  constructor(pinned: readonly ServerKey[], trusted: readonly ServerKey[] = pinned) {
    this.#pinned = pinned
    this.#trusted = trusted
  }

  get trusted(): readonly ServerKey[] {
    return this.#trusted
  }

  consider(offered: readonly ServerKey[]): void {
    const decision = decideServerKeys(this.#pinned, this.#trusted, offered)
    if (decision.decision === 'accepted') this.#trusted = decision.keys
  }
}
