/** The agent's side of long-polling, as small as it can be: one request after the other in each direction. */
import { AGENT_POLL_PATHS, pollOpened, pollReceived } from '@breeze/contract/agent-protocol'

export class PollClient {
  readonly #url: string
  readonly #arrived: (frame: unknown) => void
  readonly #ended: (code: number) => void
  readonly #gone = new AbortController()
  session = ''
  received = 0
  sequence = 0
  #sending: Promise<unknown> = Promise.resolve()
  #outbox: unknown[] = []
  #isReading = true

  constructor(url: string, arrived: (frame: unknown) => void, ended: (code: number) => void) {
    this.#url = url
    this.#arrived = arrived
    this.#ended = ended
  }

  open(): void {
    this.#sending = this.#open().catch(() => this.#ended(1006))
  }

  /** Everything that gathered meanwhile goes in one request. */
  send(frame: unknown): void {
    this.#outbox.push(frame)
    this.#sending = this.#flush(this.#sending)
  }

  async #flush(before: Promise<unknown>): Promise<void> {
    await before
    const frames = this.#outbox.splice(0, 200)
    if (frames.length > 0) await this.post('send', { sequence: this.sequence++, frames }).catch(() => undefined)
  }

  /** A request by hand. */
  post(
    path: 'send' | 'receive',
    body: unknown,
    more: { session?: string; signal?: AbortSignal } = {},
  ): Promise<Response> {
    return fetch(this.#url + AGENT_POLL_PATHS[path], {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${more.session ?? this.session}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: more.signal ?? this.#gone.signal,
    })
  }

  /** Goes on sending, and asks for nothing any more. */
  stopReading(): void {
    this.#isReading = false
  }

  /** Stops reading, as a machine that lost its network does. */
  abandon(): void {
    this.#gone.abort()
    this.#ended(1000)
  }

  async #open(): Promise<void> {
    const response = await fetch(this.#url + AGENT_POLL_PATHS.open, { method: 'POST', signal: this.#gone.signal })
    if (!response.ok) throw new Error(`open was answered ${response.status}`)
    const { session, frames } = pollOpened.parse(await response.json())
    this.session = session
    this.#take(frames)
    this.#read().catch(() => this.#ended(1006))
  }

  async #read(): Promise<void> {
    while (this.#isReading) {
      const response = await this.post('receive', { received: this.received, waitSeconds: 20 })
      if (!response.ok) throw new Error(`receive was answered ${response.status}`)
      const { frames, closed } = pollReceived.parse(await response.json())
      this.#take(frames)
      if (closed !== undefined) return this.#ended(closed)
    }
  }

  #take(frames: unknown[]): void {
    this.received += frames.length
    for (const frame of frames) this.#arrived(frame)
  }
}
