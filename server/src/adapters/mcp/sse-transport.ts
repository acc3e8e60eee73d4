/** The 2024-11-05 HTTP+SSE transport, which the library no longer has: messages come by POST, answers go down one stream. */
import type { JSONRPCMessage, MessageExtraInfo, Transport } from '@modelcontextprotocol/server'
import { closeQuietly } from './streams.ts'

const KEEP_ALIVE_MS = 15_000
/** What may wait for a client that doesn't read, before its stream is ended. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024

const encoder = new TextEncoder()

export class SseTransport implements Transport {
  readonly sessionId: string
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: <T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void
  readonly body: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  #keepAlive: NodeJS.Timeout | null = null

  readonly #ended: () => void

  /** `ended` is told once, whoever ends the stream: `onclose` belongs to the library. */
  constructor(sessionId: string, endpoint: string, ended: () => void) {
    this.sessionId = sessionId
    this.#ended = ended
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
          controller.enqueue(encoder.encode(`event: endpoint\ndata: ${endpoint}\n\n`))
        },
        cancel: () => this.close(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
    )
  }

  async start(): Promise<void> {
    this.#keepAlive = setInterval(() => this.#write(': keepalive\n\n'), KEEP_ALIVE_MS)
    this.#keepAlive.unref()
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
  }

  /** A message that arrived by POST. */
  receive(message: JSONRPCMessage, extra: MessageExtraInfo): void {
    this.onmessage?.(message, extra)
  }

  async close(): Promise<void> {
    if (!this.#controller) return
    if (this.#keepAlive) clearInterval(this.#keepAlive)
    closeQuietly(this.#controller)
    this.#controller = null
    this.onclose?.()
    this.#ended()
  }

  #write(frame: string): void {
    if (!this.#controller) return
    this.#controller.enqueue(encoder.encode(frame))
    if ((this.#controller.desiredSize ?? 0) < -MAX_UNREAD_BYTES) void this.close()
  }
}
