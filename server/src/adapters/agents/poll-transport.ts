/**
 * An agent that can't keep a socket: it sends by requests and receives by long ones. Frames stay here until the agent says
 * that they arrived, so a lost answer loses nothing.
 */
import { TokenBucket } from './token-bucket.ts'
import type { AgentTransport, TransportPeer } from './transport.ts'

export type Taken = 'taken' | 'gap' | 'closed'

/** Requests of one agent; more are held back, as frames are on a socket. */
const REQUESTS_PER_SECOND = 50
const BURST = 500
/** Who is so far ahead waits for nothing any more: it is told to slow down. */
const MOST_WAIT_MS = 10_000
/** Of one answer; what is left comes with the next. A single frame may be larger. */
const ANSWER_BYTES = 1024 * 1024
/** A closed connection waits for its agent with no more than this. */
const KEPT_BYTES = 256 * 1024
const TERMINATED = 1006

export class PollTransport implements AgentTransport {
  readonly #nowMs: () => number
  #peer: TransportPeer | undefined
  /** JSON texts that the agent has not acknowledged; the first is number `#first`. */
  #frames: string[] = []
  #first = 0
  #bytes = 0
  #expected = 0
  #code: number | null = null
  #closedAt = 0
  #isProven = false
  /** One `take` after the other. */
  #taking: Promise<unknown> = Promise.resolve()
  #flow: { promise: Promise<void>; resolve(): void } | undefined
  #waiting: (() => void) | undefined
  #readAt: number
  readonly #requests: TokenBucket

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#requests = new TokenBucket(REQUESTS_PER_SECOND, BURST, nowMs())
    this.#readAt = nowMs()
  }

  // ---------------------------------------------------------------- for the connection

  listen(peer: TransportPeer): void {
    this.#peer = peer
  }

  proven(): void {
    this.#isProven = true
  }

  send(text: string): void {
    if (this.#code !== null) return
    this.#frames.push(text)
    this.#bytes += text.length
    this.#waiting?.()
  }

  close(code: number): void {
    this.#end(this.#bytes > KEPT_BYTES ? TERMINATED : code)
  }

  terminate(): void {
    this.#end(TERMINATED)
  }

  pause(): void {
    this.#flow ??= Promise.withResolvers<void>()
  }

  resume(): void {
    this.#flow?.resolve()
    this.#flow = undefined
  }

  get bufferedBytes(): number {
    return this.#bytes
  }

  // ---------------------------------------------------------------- for the routes

  get isProven(): boolean {
    return this.#isProven
  }

  /** What the connection said first, in the shape of the answer to `open`. */
  opening(): unknown[] {
    return this.#frames.map((text): unknown => JSON.parse(text))
  }

  /** Null while it is open. */
  get closedCode(): number | null {
    return this.#code
  }

  /** False for an agent that asks far more often than it may; otherwise resolves when it is its request's turn. */
  async turn(): Promise<boolean> {
    const waitMs = this.#requests.wait(this.#nowMs())
    if (waitMs > MOST_WAIT_MS) return false
    this.#requests.spend()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    return true
  }

  /** The agent may not learn more from it. */
  get isOver(): boolean {
    return this.#code === TERMINATED
  }

  /** Milliseconds since the agent last read, or since the connection closed. */
  get unreadMs(): number {
    if (this.#code !== null) return this.#nowMs() - this.#closedAt
    return this.#waiting ? 0 : this.#nowMs() - this.#readAt
  }

  /** Frames from the agent, in the order of their requests. A request that was taken before changes nothing. */
  take(sequence: number, frames: readonly unknown[], bytes: number): Promise<Taken> {
    const taken = this.#taking.then(() => this.#take(sequence, frames, bytes))
    this.#taking = taken
    return taken
  }

  /**
   * What waits for the agent after its first `received` frames, as JSON; waits for something. Null when the agent counts
   * what never was, or what it has acknowledged already.
   */
  async receive(received: number, waitMs: number, signal: AbortSignal): Promise<string | null> {
    if (received < this.#first || received > this.#first + this.#frames.length) return null
    this.#peer?.alive()
    for (const text of this.#frames.splice(0, received - this.#first)) this.#bytes -= text.length
    this.#first = received
    // An agent that asks again has given its earlier request up.
    this.#waiting?.()
    if (this.#frames.length === 0 && this.#code === null && waitMs > 0) await this.#something(waitMs, signal)
    this.#readAt = this.#nowMs()
    return this.#answer()
  }

  async #take(sequence: number, frames: readonly unknown[], bytes: number): Promise<Taken> {
    if (this.#code !== null) return 'closed'
    if (sequence < this.#expected) return 'taken'
    if (sequence > this.#expected) {
      // Something is missing: the same as a frame that can't be read.
      this.#peer?.frame(undefined, bytes)
      return 'gap'
    }
    this.#expected += 1
    for (const frame of frames) {
      // Paused anew by the frame before it, perhaps.
      while (this.#flow) await this.#flow.promise
      this.#peer?.frame(frame, Math.ceil(bytes / frames.length))
    }
    return 'taken'
  }

  #something(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        if (this.#waiting === done) this.#waiting = undefined
        resolve()
      }
      const timer = setTimeout(done, waitMs)
      signal.addEventListener('abort', done, { once: true })
      this.#waiting = done
      if (signal.aborted) done()
    })
  }

  #answer(): string {
    let bytes = 0
    const texts: string[] = []
    for (const text of this.#frames) {
      bytes += text.length
      if (texts.length > 0 && bytes > ANSWER_BYTES) break
      texts.push(text)
    }
    const isLast = texts.length === this.#frames.length
    const closed = isLast && this.#code !== null ? `,"closed":${this.#code}` : ''
    return `{"first":${this.#first},"frames":[${texts.join(',')}]${closed}}`
  }

  #end(code: number): void {
    if (this.#code !== null) return
    this.#code = code
    this.#closedAt = this.#nowMs()
    if (code === TERMINATED) {
      this.#first += this.#frames.length
      this.#frames = []
      this.#bytes = 0
    }
    this.resume()
    this.#waiting?.()
    this.#peer?.closed()
  }
}
