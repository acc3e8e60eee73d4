import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from './durable-file.ts'

/** Where a line lies in the file. */
export interface Span {
  offset: number
  length: number
}

/** Appends that are on the disk when their promise settles, one after the other. */
export class AppendFile {
  #file: FileHandle
  #size: number
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#size = size
  }

  /** What lies beyond `size` is cut off. */
  static async open(path: string, size: number): Promise<AppendFile> {
    const file = await open(path, size === 0 ? 'w+' : 'r+', 0o600)
    await file.truncate(size)
    await file.sync()
    await syncDirectory(dirname(path))
    return new AppendFile(file, size)
  }

  get size(): number {
    return this.#size
  }

  /** `durable` runs when the text is on the disk and before any later work on this file. */
  append(text: string, durable: (span: Span) => void): Promise<void> {
    return this.#enqueue(async () => {
      const bytes = Buffer.from(text)
      const offset = this.#size
      try {
        await writeAll(this.#file, bytes, offset)
        await this.#file.datasync()
      } catch (error) {
        // A full disk may have taken half a line; the next one must start where the good ones end.
        await this.#file.truncate(offset)
        throw error
      }
      this.#size = offset + bytes.length
      durable({ offset, length: bytes.length })
    })
  }

  /** `where` is asked when the read's turn comes, because a rewrite before it moves lines. */
  read(where: () => Span | undefined): Promise<Buffer | undefined> {
    return this.#enqueue(async () => {
      const span = where()
      if (!span) return undefined
      const bytes = Buffer.alloc(span.length)
      await this.#file.read(bytes, 0, span.length, span.offset)
      return bytes
    })
  }

  /** Runs `replace` with nothing else under way and goes on with the file it returns. */
  exclusive(replace: (file: FileHandle) => Promise<FileHandle>): Promise<void> {
    return this.#enqueue(async () => {
      const next = await replace(this.#file)
      await this.#file.close()
      this.#file = next
      this.#size = (await next.stat()).size
    })
  }

  close(): Promise<void> {
    return this.#enqueue(() => this.#file.close())
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    // The caller gets the error; the queue only waits for the end.
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, offset + written)
    written += bytesWritten
  }
}
