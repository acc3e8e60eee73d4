import { MAX_FRAME_BYTES, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import { completeLength, headOf } from './utf8.ts'

/** Room for the rest of a result frame. */
const MAX_ENCODED_BYTES = MAX_FRAME_BYTES - 16 * 1024

export interface KeptOutput {
  output: string
  outputBytes: number
  truncated: boolean
}

/** Keeps the first MAX_OUTPUT_BYTES of a script's output and counts the rest. */
export class BoundedOutput {
  readonly #chunks: Buffer[] = []
  #kept = 0
  #total = 0

  add(chunk: Buffer): void {
    this.#total += chunk.length
    const room = MAX_OUTPUT_BYTES - this.#kept
    if (room <= 0) return
    const part = chunk.subarray(0, room)
    // A copy, because a short slice would keep its whole 64 KB read buffer alive.
    this.#chunks.push(part.length < chunk.buffer.byteLength / 2 ? Buffer.from(part) : part)
    this.#kept += part.length
  }

  get full(): boolean {
    return this.#kept >= MAX_OUTPUT_BYTES
  }

  result(): KeptOutput {
    const bytes = Buffer.concat(this.#chunks)
    const whole = this.#total === bytes.length
    const decoded = (whole ? bytes : bytes.subarray(0, completeLength(bytes))).toString('utf8')
    // Bytes that are not UTF-8 decode to U+FFFD, three bytes each: the limit holds for what is sent.
    const output = fitFrame(headOf(decoded, MAX_OUTPUT_BYTES))
    return { output, outputBytes: this.#total, truncated: !whole || output.length < decoded.length }
  }
}

/** JSON writes a control character in six bytes: a megabyte of them would not fit a frame, and never arrive. */
function fitFrame(text: string): string {
  let fitting = text
  while (Buffer.byteLength(JSON.stringify(fitting)) > MAX_ENCODED_BYTES) {
    const ratio = MAX_ENCODED_BYTES / Buffer.byteLength(JSON.stringify(fitting))
    fitting = fitting.slice(0, Math.floor(fitting.length * Math.min(ratio, 0.99)))
    // Half a surrogate pair is not text.
    if (!fitting.isWellFormed()) fitting = fitting.slice(0, -1)
  }
  return fitting
}
