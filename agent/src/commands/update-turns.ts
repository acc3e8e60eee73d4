const LONGEST_WAIT_MS = 600_000

/** One command after the other: two at one package manager would only wait for its lock. */
export class UpdateTurns {
  #last: Promise<unknown> = Promise.resolve()

  /** Rejects where the one before takes too long, or when the waiting is to end; that one goes on. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = Promise.all([before, promise])
    try {
      await inTime(before, signal)
      return await work()
    } finally {
      resolve()
    }
  }
}

async function inTime(before: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise: refused, reject } = Promise.withResolvers<never>()
  const busy = new Error('Another command was still at work on the updates of this device')
  const timer = setTimeout(() => reject(busy), LONGEST_WAIT_MS)
  const ended = (): void => reject(new DOMException('Ended before its turn', 'AbortError'))
  signal.addEventListener('abort', ended)
  try {
    await Promise.race([before, refused])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', ended)
  }
}
