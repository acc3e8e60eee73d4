/** A call whose credential ends while it runs is told nothing any more, on any leg. Its work is not undone. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Surface } from '@breeze/contract/governance'
import type { Authenticator } from '../../identity/authenticate.ts'
import type { Caller } from '../../kernel/caller.ts'
import { KernelError } from '../../kernel/errors.ts'
import type { InvokeOptions, Kernel, Listing, ListingFilter, Outcome } from '../../kernel/kernel.ts'

export class RevocableCalls implements Kernel {
  readonly #door: Kernel
  readonly #running = new Map<string, Set<AbortController>>()
  readonly #current = new AsyncLocalStorage<AbortController>()

  constructor(door: Kernel, authenticator: Pick<Authenticator, 'onRevoked'>) {
    this.#door = door
    authenticator.onRevoked((credentialId) => this.#cut(credentialId))
  }

  /** Of the calls under way: other nodes may end them too. */
  credentials(): string[] {
    return [...this.#running.keys()]
  }

  async invoke(caller: Caller, tool: string, input: unknown, options: InvokeOptions): Promise<Outcome> {
    const { id } = caller.credential
    const ended = new AbortController()
    const running = this.#running.get(id) ?? new Set()
    this.#running.set(id, running.add(ended))
    const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal
    try {
      return await this.#current.run(ended, () => this.#door.invoke(caller, tool, input, { ...options, signal }))
    } finally {
      running.delete(ended)
      if (running.size === 0) this.#running.delete(id)
    }
  }

  follow(caller: Caller, operation: string): ReturnType<Kernel['follow']> {
    return this.#door.follow(caller, operation)
  }

  list(caller: Caller, surface: Surface, filter?: ListingFilter): Listing {
    return this.#door.list(caller, surface, filter)
  }

  missingScope(...asked: Parameters<Kernel['missingScope']>): ReturnType<Kernel['missingScope']> {
    return this.#door.missingScope(...asked)
  }

  throttled(...said: Parameters<Kernel['throttled']>): void {
    this.#door.throttled(...said)
  }

  #cut(credentialId: string): void {
    // A call that ends its own credential is still told that it did.
    const own = this.#current.getStore()
    for (const call of this.#running.get(credentialId) ?? []) if (call !== own) call.abort(credentialEnded())
  }
}

const credentialEnded = (): KernelError =>
  new KernelError({
    code: 'unauthenticated',
    reason: 'The credential of this call was ended while it ran.',
    remedy: 'What it began goes on: whoever may look finds it among the operations.',
  })
