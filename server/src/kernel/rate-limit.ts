/** Rate limits: one small interface, so that several nodes can share their counts later. */

export type Verdict = { allowed: true } | { allowed: false; retryAfterSeconds: number }

export interface RateLimiter {
  /**
   * Counts `cost` against the key if it fits into the window that began with the key's first use. A refused attempt
   * counts nothing, so it never extends the wait.
   */
  take(key: string, limit: number, windowMs: number, cost?: number): Verdict | Promise<Verdict>
}

interface Window {
  used: number
  endsAt: number
}

/** Counts of this process, bounded: the keys unused for longest are forgotten first. */
export class LocalRateLimiter implements RateLimiter {
  readonly #windows = new Map<string, Window>()
  readonly #now: () => number
  readonly #maxKeys: number

  constructor(now: () => number = Date.now, maxKeys = 50_000) {
    this.#now = now
    this.#maxKeys = maxKeys
  }

  take(key: string, limit: number, windowMs: number, cost = 1): Verdict {
    const window = this.#current(key, windowMs)
    if (window.used + cost > limit) return { allowed: false, retryAfterSeconds: this.#secondsLeft(window) }
    window.used += cost
    return { allowed: true }
  }

  /** What was counted in advance and turned out not to count. */
  giveBack(key: string, cost = 1): void {
    const window = this.#windows.get(key)
    if (window) window.used = Math.max(0, window.used - cost)
  }

  /** Whether the key has used up its window; counts nothing. */
  exhausted(key: string, limit: number): Verdict {
    const window = this.#windows.get(key)
    if (!window || window.endsAt <= this.#now() || window.used < limit) return { allowed: true }
    return { allowed: false, retryAfterSeconds: this.#secondsLeft(window) }
  }

  /** What is counted now under keys that begin so; the rest of each key comes with it. */
  inForce(prefix: string): { rest: string; used: number; secondsLeft: number }[] {
    const now = this.#now()
    return [...this.#windows].flatMap(([key, window]) =>
      key.startsWith(prefix) && window.endsAt > now && window.used > 0
        ? [{ rest: key.slice(prefix.length), used: window.used, secondsLeft: this.#secondsLeft(window) }]
        : [],
    )
  }

  #secondsLeft(window: Window): number {
    return Math.max(1, Math.ceil((window.endsAt - this.#now()) / 1000))
  }

  #current(key: string, windowMs: number): Window {
    const now = this.#now()
    const known = this.#windows.get(key)
    // Taken out and put back: a Map keeps insertion order, so its first key is the one unused for longest.
    this.#windows.delete(key)
    const window = known && known.endsAt > now ? known : { used: 0, endsAt: now + windowMs }
    this.#windows.set(key, window)
    if (this.#windows.size > this.#maxKeys) {
      const oldest = this.#windows.keys().next()
      if (!oldest.done) this.#windows.delete(oldest.value)
    }
    return window
  }
}
