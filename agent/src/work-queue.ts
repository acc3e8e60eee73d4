interface Waiting {
  id: string
  begin: () => Promise<void>
}

/** A bounded number of jobs at once; the rest wait in the order they came. */
export class WorkQueue {
  readonly #limit: () => number
  #waiting: Waiting[] = []
  #running = 0

  /** Asked anew each time, because it may be changed while jobs wait. */
  constructor(limit: () => number) {
    this.#limit = limit
  }

  add(id: string, begin: () => Promise<void>): void {
    this.#waiting.push({ id, begin })
    this.#next()
  }

  /** Takes a job out that has not begun. */
  take(id: string): (() => Promise<void>) | undefined {
    const job = this.#waiting.find((waiting) => waiting.id === id)
    if (job) this.#waiting = this.#waiting.filter((waiting) => waiting !== job)
    return job?.begin
  }

  clear(): void {
    this.#waiting = []
  }

  #next(): void {
    while (this.#running < this.#limit()) {
      const job = this.#waiting.shift()
      if (!job) return
      this.#running++
      void job.begin().finally(() => {
        this.#running--
        this.#next()
      })
    }
  }
}
