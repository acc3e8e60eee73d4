/**
 * The server's clock as seen from here. A device may have a dead clock battery; expiry is the server's promise, so it
 * is judged by the server's time: the offset learned from the last `serverTime` (challenge and welcome) is added to the
 * local clock. The error is the network's one-way delay and always makes commands live a little longer.
 */
export class ServerClock {
  #offsetMs = 0
  readonly #localNow: () => number

  constructor(localNow: () => number = Date.now) {
    this.#localNow = localNow
  }

  learn(serverTime: string): void {
    this.#offsetMs = Date.parse(serverTime) - this.#localNow()
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  now(): number {
    return this.#localNow() + this.#offsetMs
  }

  /** For forgetting: time has passed only if both clocks say so. */
  earliest(): number {
    return this.#localNow() + Math.min(0, this.#offsetMs)
  }
}
