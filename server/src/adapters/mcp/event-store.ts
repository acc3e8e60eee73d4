/** Recent events of one session, so that a client that lost its stream can take it up again (Last-Event-ID). */
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

const MAX_EVENTS = 128
const MAX_BYTES = 2 * 1024 * 1024

interface StoredEvent {
  id: string
  stream: string
  message: JSONRPCMessage
  bytes: number
}

/** Bounded; what has been dropped can't be replayed and its id is unknown from then on. */
export class RecentEvents implements EventStore {
  #events: StoredEvent[] = []
  #bytes = 0
  #next = 0

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}_${this.#next++}`
    const bytes = JSON.stringify(message).length
    this.#events.push({ id, stream, message, bytes })
    this.#bytes += bytes
    while (this.#events.length > MAX_EVENTS || this.#bytes > MAX_BYTES) this.#bytes -= this.#events.shift()?.bytes ?? 0
    return id
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.#events.find((event) => event.id === id)?.stream
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const from = this.#events.findIndex((event) => event.id === lastEventId)
    const stream = this.#events[from]?.stream ?? ''
    for (const event of this.#events.slice(from + 1)) {
      // A priming event carries no message; it only gave the client a place to resume from.
      if (event.stream === stream && 'jsonrpc' in event.message) await send(event.id, event.message)
    }
    return stream
  }
}
