import type { EventEntry } from '@breeze/contract/agent-events'
import type { Reply } from '../device.ts'
import type { EventBatch } from '../events/event-store.ts'

/** Event-log entries that a scenario has a device tell, also of times that are over. Kept until the server holds them. */
export class ToldEvents {
  #waiting: EventBatch[] = []
  #next = Date.now()
  #reply: Reply | undefined

  tell(entries: EventEntry[]): void {
    const batch = { sequence: this.#next++, entries }
    this.#waiting.push(batch)
    void this.#reply?.({ type: 'events', ...batch })
  }

  welcomed(reply: Reply): void {
    this.#reply = reply
    for (const batch of this.#waiting) void reply({ type: 'events', ...batch })
  }

  recorded(sequence: number): void {
    this.#waiting = this.#waiting.filter((batch) => batch.sequence !== sequence)
  }
}
