/** Wake-ups inside this node, keyed by topic. An event says "look again"; the truth is always read from the database. */

type Listener = () => void

const nothing: Listener = () => undefined

export class Events {
  readonly #listeners = new Map<string, Set<Listener>>()

  publish(topic: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener()
  }

  subscribe(topic: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(topic)
    }
  }

  /**
   * Looks once, then again after each event on the topic (at most every `pauseMs`), until `look` answers something or
   * the signal ends the waiting. The subscription is made before the first look, so no event is missed.
   */
  async until<T>(
    topic: string,
    signal: AbortSignal,
    look: () => Promise<T | undefined>,
    pauseMs = 20,
  ): Promise<T | undefined> {
    let wake: Listener = nothing
    let pending = false
    signal.addEventListener('abort', () => wake(), { once: true })
    const unsubscribe = this.subscribe(topic, () => {
      pending = true
      wake()
    })
    try {
      for (;;) {
        pending = false
        const lookedAt = performance.now()
        const found = await look()
        if (found !== undefined || signal.aborted) return found
        if (!pending) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        if (signal.aborted) return await look()
        // A burst of events (a fan-out coming home) costs one look, not one each.
        const early = pauseMs - (performance.now() - lookedAt)
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
      }
    } finally {
      unsubscribe()
    }
  }
}
