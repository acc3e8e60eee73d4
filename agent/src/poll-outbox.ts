import { MAX_FRAME_BYTES } from '@breeze/contract/agent-commands'

const MAX_FRAMES_A_REQUEST = 200
/** The frames of one request, so that with what is around them it stays below what a server reads. */
const MAX_BATCH_BYTES = MAX_FRAME_BYTES - 1024
/** More than this waiting means that the network stands still: what comes then is refused, and told again later. */
const MAX_WAITING_BYTES = 4 * MAX_FRAME_BYTES

interface Waiting {
  text: string
  bytes: number
  done: (sent: boolean) => void
}

/** Frames on their way up: what gathers while one request is under way goes with the next, in order and numbered. */
export class PollOutbox {
  readonly #deliver: (body: string) => Promise<void>
  readonly #waiting: Waiting[] = []
  #bytes = 0
  #sequence = 0
  #state: 'opening' | 'idle' | 'sending' | 'closed' = 'opening'

  /** `deliver` settles when the server has the request, and rejects when the link is lost. */
  constructor(deliver: (body: string) => Promise<void>) {
    this.#deliver = deliver
  }

  add(text: string): Promise<boolean> {
    const bytes = Buffer.byteLength(text)
    if (this.#state === 'closed' || this.#bytes + bytes > MAX_WAITING_BYTES) return Promise.resolve(false)
    this.#bytes += bytes
    return new Promise((done) => {
      this.#waiting.push({ text, bytes, done })
      this.#pump()
    })
  }

  open(): void {
    if (this.#state !== 'opening') return
    this.#state = 'idle'
    this.#pump()
  }

  close(): void {
    this.#state = 'closed'
    for (const { done } of this.#waiting.splice(0)) done(false)
  }

  #pump(): void {
    if (this.#state !== 'idle' || this.#waiting.length === 0) return
    this.#state = 'sending'
    const batch = this.#take()
    void this.#post(batch).then((sent) => this.#settled(batch, sent))
  }

  async #post(batch: readonly Waiting[]): Promise<boolean> {
    try {
      await this.#deliver(`{"sequence":${this.#sequence},"frames":[${batch.map(({ text }) => text).join(',')}]}`)
      return true
    } catch {
      // Whoever delivers has told why, and closes this.
      return false
    }
  }

  #settled(batch: readonly Waiting[], sent: boolean): void {
    for (const { bytes, done } of batch) {
      this.#bytes -= bytes
      done(sent)
    }
    if (!sent || this.#state !== 'sending') return
    this.#sequence++
    this.#state = 'idle'
    this.#pump()
  }

  #take(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.#waiting) {
      if (count === MAX_FRAMES_A_REQUEST || (count > 0 && bytes + waiting.bytes > MAX_BATCH_BYTES)) break
      bytes += waiting.bytes
      count++
    }
    return this.#waiting.splice(0, count)
  }
}
