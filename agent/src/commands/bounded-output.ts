import { MAX_FRAME_BYTES, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'

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
    const output = fitFrame(fitOutput(decoded))
    return { output, outputBytes: this.#total, truncated: !whole || output.length < decoded.length }
  }
}

/** Bytes that are not UTF-8 decode to U+FFFD, three bytes each: the limit holds for what is sent. */
function fitOutput(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_OUTPUT_BYTES) return text
  const cut = bytes.subarray(0, MAX_OUTPUT_BYTES)
  return cut.toString('utf8', 0, completeLength(cut))
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

/** The length without a character that the cut goes through: at most three bytes shorter. */
function completeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0b1100_0000) === 0b1000_0000) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
