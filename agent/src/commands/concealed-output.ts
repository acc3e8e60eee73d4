import type { OutputSink } from './script-process.ts'

/** A shorter one stands by chance in too much. */
const SHORTEST_BYTES = 4
const MASK = Buffer.from('[masked]')

/** Keeps the literal values of secrets out of a script's output, also where a value comes in two pieces. */
export class ConcealedOutput implements OutputSink {
  readonly #sink: OutputSink
  /** The longest first: of two that begin alike, the longer one is masked. */
  readonly #values: readonly Buffer[]
  /** What may be the begin of a value. */
  #held: Buffer = Buffer.alloc(0)

  constructor(sink: OutputSink, values: readonly string[]) {
    this.#sink = sink
    const wanted = new Set(values.flatMap((value) => [value, value.trim()]))
    this.#values = [...wanted]
      .map((value) => Buffer.from(value))
      .filter((value) => value.length >= SHORTEST_BYTES)
      .toSorted((a, b) => b.length - a.length)
  }

  get full(): boolean {
    return this.#sink.full
  }

  add(chunk: Buffer): void {
    if (this.#values.length === 0) this.#sink.add(chunk)
    else this.#write(Buffer.concat([this.#held, chunk]), false)
  }

  /** Nothing follows: what was held back is no value's begin. */
  end(): void {
    if (this.#held.length > 0) this.#write(this.#held, true)
  }

  #write(bytes: Buffer, isEnd: boolean): void {
    let from = 0
    for (;;) {
      const next = this.#first(bytes, from)
      const open = isEnd ? bytes.length : this.#openFrom(bytes, from)
      // What begins at `open` or within it may be a longer value that goes on beyond these bytes.
      if (!next || next.at >= open) {
        if (open > from) this.#sink.add(bytes.subarray(from, open))
        this.#held = Buffer.from(bytes.subarray(open))
        return
      }
      if (next.at > from) this.#sink.add(bytes.subarray(from, next.at))
      this.#sink.add(MASK)
      from = next.at + next.length
    }
  }

  #first(bytes: Buffer, from: number): { at: number; length: number } | undefined {
    let found: { at: number; length: number } | undefined
    for (const value of this.#values) {
      const at = bytes.indexOf(value, from)
      if (at !== -1 && (!found || at < found.at)) found = { at, length: value.length }
    }
    return found
  }

  /** Where the last bytes begin that a value could go on from; the end where there are none. */
  #openFrom(bytes: Buffer, from: number): number {
    let open = bytes.length
    for (const value of this.#values) {
      const first = value[0] ?? 0
      let at = bytes.indexOf(first, Math.max(from, bytes.length - value.length + 1))
      while (at !== -1 && at < open) {
        if (bytes.subarray(at).equals(value.subarray(0, bytes.length - at))) open = at
        at = bytes.indexOf(first, at + 1)
      }
    }
    return open
  }
}
