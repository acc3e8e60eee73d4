/** The tool calls under way on this node, so that a stop can let them answer. */
export class InFlight {
  readonly #calls = new Set<Promise<unknown>>()

  async track<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call)
    try {
      return await call
    } finally {
      this.#calls.delete(call)
    }
  }

  /** Resolves when no call is under way any more, at the latest after `ms`: what waits longer is not waited for. */
  async idle(ms: number): Promise<void> {
    if (this.#calls.size === 0) return
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([Promise.allSettled(this.#calls), patience])
    clearTimeout(timer)
  }
}
