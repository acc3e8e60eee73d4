/** How often something may happen: `burst` at once, then `perSecond`. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at: number

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#at = nowMs
  }

  /** Milliseconds until one more is allowed; 0 now. */
  wait(nowMs: number): number {
    const elapsed = Math.max(0, nowMs - this.#at)
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed / 1000) * this.#perSecond)
    this.#at = nowMs
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000)
  }

  /** May go below zero: what already happened is paid by waiting longer for the next. */
  spend(cost = 1): void {
    this.#tokens -= cost
  }
}

/** One bucket per key, of which only the latest are remembered. */
export class TokenBuckets {
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #perMinute: number
  readonly #most: number

  constructor(perMinute: number, most = 10_000) {
    this.#perMinute = perMinute
    this.#most = most
  }

  of(key: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#perMinute / 60, this.#perMinute, nowMs)
    // A map keeps the order of insertion: the first is the one unused for longest.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > this.#most && oldest !== undefined) this.#buckets.delete(oldest)
    return bucket
  }
}
