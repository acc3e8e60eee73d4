/** Telling waiters that there is more to read: changes of state at once, output a few times a second. */
import type { Events } from '../../kernel/events.ts'

const OUTPUT_EVERY_MS = 300

export class Announcements {
  readonly #events: Events
  readonly #held = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(events: Events) {
    this.#events = events
  }

  changed(operationIds: Iterable<string>): void {
    for (const id of new Set(operationIds)) this.#events.publish(`operation:${id}`)
  }

  /** Each of them costs its waiters a look at the database. The last piece is never left untold. */
  output(operationIds: Iterable<string>): void {
    for (const id of new Set(operationIds)) {
      if (this.#held.has(id)) continue
      const timer = setTimeout(() => {
        this.#held.delete(id)
        this.#events.publish(`operation:${id}`)
      }, OUTPUT_EVERY_MS)
      this.#held.set(id, timer)
    }
  }

  stop(): void {
    for (const timer of this.#held.values()) clearTimeout(timer)
    this.#held.clear()
  }
}
