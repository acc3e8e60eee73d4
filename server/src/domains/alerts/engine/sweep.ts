/** Devices that are to be looked at, page by page: what is reported meanwhile does not wait for a whole fleet. */
export class Sweep<Signal> {
  readonly #page: number
  readonly #look: (signals: readonly Signal[], deviceIds: readonly string[]) => Promise<void>
  #under: { signals: ReadonlySet<Signal>; left: readonly string[] } | null = null

  constructor(page: number, look: (signals: readonly Signal[], deviceIds: readonly string[]) => Promise<void>) {
    this.#page = page
    this.#look = look
  }

  /** What is under way begins anew with these added. */
  soon(signals: readonly Signal[], deviceIds: readonly string[]): void {
    if (signals.length === 0) return
    const left = [...new Set([...deviceIds, ...(this.#under?.left ?? [])])]
    this.#under = { signals: new Set([...(this.#under?.signals ?? []), ...signals]), left }
  }

  /** One page. */
  async on(): Promise<void> {
    if (!this.#under) return
    const { signals, left } = this.#under
    await this.#look([...signals], left.slice(0, this.#page))
    this.#under = left.length > this.#page ? { signals, left: left.slice(this.#page) } : null
  }
}
