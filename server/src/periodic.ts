/** The server's recurring work: each job alone, never twice at once; a failure is told and tried again at the next turn. */
export class Periodic {
  readonly #timers: NodeJS.Timeout[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #failed: (job: string, error: unknown) => void

  constructor(failed: (job: string, error: unknown) => void) {
    this.#failed = failed
  }

  every(job: string, milliseconds: number, work: () => Promise<unknown>): void {
    let busy = false
    const timer = setInterval(() => {
      if (busy) return
      busy = true
      const run = work()
        .then(
          () => undefined,
          (error: unknown) => this.#failed(job, error),
        )
        .finally(() => {
          busy = false
          this.#running.delete(run)
        })
      this.#running.add(run)
    }, milliseconds)
    timer.unref()
    this.#timers.push(timer)
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#running)
  }
}
