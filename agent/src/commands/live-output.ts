import { StringDecoder } from 'node:string_decoder'
import { MAX_CHUNK_BYTES, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import type { Reply } from '../device.ts'
import { headOf } from './utf8.ts'

const PAUSE_MS = 300
/** Handed to the connection and not gone out yet; beyond this a chunk is dropped. */
const MAX_IN_FLIGHT_BYTES = 256 * 1024

/**
 * Sends a script's output while it runs: the first piece at once, then what gathers in 300 ms or fills a chunk. Nothing
 * waits for the connection and nothing is sent again: a chunk that can't go out leaves a gap in the sequence, and the
 * result carries all that is kept.
 */
export class LiveOutput {
  readonly #commandId: string
  readonly #reply: Reply
  readonly #decoder = new StringDecoder('utf8')
  #taken = 0
  #sent = 0
  #sequence = 0
  #pending = ''
  #inFlight = 0
  #timer: NodeJS.Timeout | undefined

  constructor(commandId: string, reply: Reply) {
    this.#commandId = commandId
    this.#reply = reply
  }

  add(chunk: Buffer): void {
    const part = chunk.subarray(0, MAX_OUTPUT_BYTES - this.#taken)
    if (part.length === 0) return
    this.#taken += part.length
    // Holds back the bytes of a character that is not complete.
    this.#pending += this.#decoder.write(part)
    if (this.#sequence === 0) this.#flush()
    while (Buffer.byteLength(this.#pending) >= MAX_CHUNK_BYTES) this.#flush()
    if (this.#pending !== '') this.#timer ??= setTimeout(() => this.#flush(), PAUSE_MS).unref()
  }

  end(): void {
    // Half a character at the cut is left out, as in the result.
    if (this.#taken < MAX_OUTPUT_BYTES) this.#pending += this.#decoder.end()
    while (this.#pending !== '') this.#flush()
    clearTimeout(this.#timer)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Bytes that are no text grow when they are decoded; what is sent stays within the limit all the same.
    const room = Math.min(MAX_CHUNK_BYTES, MAX_OUTPUT_BYTES - this.#sent)
    const text = headOf(this.#pending, room)
    this.#pending = text === '' ? '' : this.#pending.slice(text.length)
    if (text !== '') this.#send(text)
  }

  #send(text: string): void {
    const bytes = Buffer.byteLength(text)
    const sequence = this.#sequence++
    this.#sent += bytes
    if (this.#inFlight + bytes > MAX_IN_FLIGHT_BYTES) return
    this.#inFlight += bytes
    const settled = () => {
      this.#inFlight -= bytes
    }
    this.#reply({ type: 'output', commandId: this.#commandId, sequence, text }).then(settled, settled)
  }
}
