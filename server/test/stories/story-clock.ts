/** The time of a server and of its simulated devices. It goes on by itself, and a test lets it pass faster. */
const STEP_MS = 5000
const MINUTE_MS = 60_000

interface Waiting {
  at: number
  resolve(isOver: boolean): void
}

export interface TimeGoesBy {
  /** What the devices do each minute. */
  minute(): Promise<void>
  /** What the server does now and then. */
  step(): Promise<void>
}

export class StoryClock {
  #aheadMs: number
  #waiting: Waiting[] = []

  constructor(start: Date) {
    this.#aheadMs = start.getTime() - Date.now()
  }

  readonly now = (): Date => new Date(Date.now() + this.#aheadMs)

  /** Settles once so much time has passed; false where the signal ended it. */
  readonly pause = (milliseconds: number, signal: AbortSignal): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#waiting.push({ at: this.now().getTime() + milliseconds, resolve })
    signal.addEventListener('abort', () => resolve(false), { once: true })
    return promise
  }

  /** In steps so small that nobody takes them for a time in which the server did not listen. */
  async pass(milliseconds: number, { minute, step }: TimeGoesBy): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += STEP_MS) {
      this.#aheadMs += Math.min(STEP_MS, milliseconds - passed)
      this.#wake()
      if (passed % MINUTE_MS === 0) await minute()
      await step()
    }
  }

  #wake(): void {
    const now = this.now().getTime()
    for (const { at, resolve } of this.#waiting) if (at <= now) resolve(true)
    this.#waiting = this.#waiting.filter(({ at }) => at > now)
  }
}
