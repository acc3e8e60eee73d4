/** How long it takes from a report that is stored to what follows from it: the last thousand batches. */

const KEPT = 1000

export class Lag {
  #taken: number[] = []

  took(milliseconds: number): void {
    this.#taken.push(milliseconds)
    if (this.#taken.length > 2 * KEPT) this.#taken = this.#taken.slice(-KEPT)
  }

  /** Null before the first. */
  percentile(share: number): number | null {
    const sorted = this.#taken.slice(-KEPT).toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null
  }
}
