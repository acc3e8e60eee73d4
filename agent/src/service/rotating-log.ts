import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface RotatingLogOptions {
  path: string
  /** A file larger than this makes way for the next. */
  maxBytes?: number
  /** Older files kept beside it: `.1` is the latest of them. */
  keep?: number
}

const MAX_BYTES = 5 * 1024 * 1024
const KEEP = 3

/** A log that never takes more than (keep + 1) × maxBytes and a line. For machines whose init system keeps no journal. */
export class RotatingLog {
  readonly #path: string
  readonly #maxBytes: number
  readonly #keep: number
  #size: number

  constructor({ path, maxBytes = MAX_BYTES, keep = KEEP }: RotatingLogOptions) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#keep = keep
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 })
    this.#size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Synchronous: a line is there when the process that wrote it dies. A few lines a minute. */
  write(line: string): void {
    const text = `${line}\n`
    if (this.#size > 0 && this.#size + text.length > this.#maxBytes) this.#rotate()
    appendFileSync(this.#path, text, { mode: 0o640 })
    this.#size += Buffer.byteLength(text)
  }

  #rotate(): void {
    rmSync(`${this.#path}.${this.#keep}`, { force: true })
    for (let age = this.#keep - 1; age >= 1; age--) this.#move(`${this.#path}.${age}`, `${this.#path}.${age + 1}`)
    this.#move(this.#path, `${this.#path}.1`)
    this.#size = 0
  }

  #move(from: string, to: string): void {
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, to)
  }
}
