/** Many small asks become few statements: what arrives within a short window is handled by one call at a time. */

export interface BatchOptions<Item, Answer> {
  /** How long the first item of a batch waits for company. */
  windowMs: number
  maxItems: number
  /** With `sizeOf`: a batch closes once its items weigh this much. */
  maxWeight?: number
  weigh?(item: Item): number
  /** Answers in the order of the items. Never called twice at the same time. */
  handle(items: Item[]): Promise<Answer[]>
}

interface Waiting<Item, Answer> {
  item: Item
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/**
 * One batch is under way at any time, so that a storm costs one database connection and not one each. When the database
 * refuses the data of a batch of several, its items are tried one by one: a bad one must not take the others with it.
 */
export class Batch<Item, Answer> {
  readonly #options: BatchOptions<Item, Answer>
  #waiting: Waiting<Item, Answer>[] = []
  #running: Promise<void> | undefined

  constructor(options: BatchOptions<Item, Answer>) {
    this.#options = options
  }

  get size(): number {
    return this.#waiting.length
  }

  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#running ??= this.#drain()
    })
  }

  /** Resolves when everything added so far has been answered. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #drain(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#options.windowMs))
    while (this.#waiting.length > 0) {
      const taken = this.#take()
      if (!(await this.#handle(taken)) && taken.length > 1) for (const one of taken) await this.#handle([one])
    }
    this.#running = undefined
  }

  #take(): Waiting<Item, Answer>[] {
    const { maxItems, maxWeight = Infinity, weigh = () => 0 } = this.#options
    let count = 0
    let weight = 0
    for (const { item } of this.#waiting) {
      weight += weigh(item)
      if (count === maxItems || (count > 0 && weight > maxWeight)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  /** False when a batch of several failed and nobody has been told yet. */
  async #handle(batch: Waiting<Item, Answer>[]): Promise<boolean> {
    try {
      const answers = await this.#options.handle(batch.map((one) => one.item))
      for (const [index, one] of batch.entries()) {
        // `handle` answers in the order of its items: an index of one is an index of the other.
        one.resolve(answers[index] as Answer)
      }
      return true
    } catch (error) {
      if (batch.length > 1 && isDataError(error)) return false
      for (const one of batch) one.reject(error)
      return true
    }
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation). */
function isDataError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code)
}
