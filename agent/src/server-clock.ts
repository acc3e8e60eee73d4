/**
 * The server's clock as seen from here. A device may have a dead clock battery, or a user who sets the time; expiry is
 * the server's promise, so it is judged by the server's time: the last `serverTime` plus what has passed since, by a
 * clock that nobody can set. The error is the network's one-way delay and always makes commands live a little longer.
 */
export class ServerClock {
  readonly #localNow: () => number
  readonly #monotonicNow: () => number
  /** What to add to the monotonic clock; undefined until the server told its time. */
  #offsetMs: number | undefined

  constructor(localNow: () => number = Date.now, monotonicNow: () => number = () => performance.now()) {
    this.#localNow = localNow
    this.#monotonicNow = monotonicNow
  }

  learn(serverTime: string): void {
    this.#offsetMs = Date.parse(serverTime) - this.#monotonicNow()
  }

  now(): number {
    return this.#offsetMs === undefined ? this.#localNow() : this.#monotonicNow() + this.#offsetMs
  }

  /** For forgetting: time has passed only if both clocks say so. */
  earliest(): number {
    return Math.min(this.#localNow(), this.now())
  }
}
