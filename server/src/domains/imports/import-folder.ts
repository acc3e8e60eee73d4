/** Files that an operator put into the data folder for the server to take in. Nothing is fetched, and nothing else is read. */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { invalidInput } from '../../kernel/errors.ts'

export interface ImportFile {
  name: string
  handle: FileHandle
  size: number
  modifiedAt: Date
}

/** A name without a path: what is read lies in the folder itself. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,199}$/
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export class ImportFolder {
  readonly #path: string

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'import')
  }

  async create(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
  }

  /** The caller closes its handle. Throws `invalid_input` for what is no plain file of a size that is taken in. */
  async open(name: string, mostBytes: number): Promise<ImportFile> {
    if (!NAME.test(name)) throw invalidInput('file: not the name of a file.', 'Give the name alone, without a folder.')
    const handle = await open(join(this.#path, name), FLAGS).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ELOOP') throw missing(name)
      throw error
    })
    try {
      const found = await handle.stat()
      if (!found.isFile()) throw missing(name)
      const { size, mtime } = found
      if (size > mostBytes)
        throw invalidInput(
          `${name} has ${Math.ceil(size / 1e6)} MB; no more than ${Math.floor(mostBytes / 1e6)} MB are taken in.`,
        )
      return { name, handle, size, modifiedAt: mtime }
    } catch (error) {
      await handle.close()
      throw error
    }
  }
}

const missing = (name: string) =>
  invalidInput(
    `There is no file ${name} in the folder "import" of the server's data folder.`,
    'Put it there, or use breeze import on the server itself.',
  )
