import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { replaceFile } from './durable-file.ts'
import { errorText, type Log } from './log.ts'
import { errorCode } from './platform/error-code.ts'

const endpoint = z.object({ address: z.union([z.ipv4(), z.ipv6()]), port: z.number().int().min(1).max(65_535) })
const isolationState = z.object({
  servers: z.array(endpoint).max(256),
  /** The servers' names with the addresses they had. */
  names: z.record(z.string(), z.array(z.string()).max(64)),
  allow: z.array(endpoint).max(64),
  /** By the server's time; null: until it is released. */
  until: z.iso.datetime().nullable(),
})
export type IsolationState = z.infer<typeof isolationState>

/** `lost`: the device was to be cut off, and nothing that can be read tells any more how and for how long. */
export type Found = IsolationState | 'none' | 'lost'

type Read = IsolationState | 'absent' | 'unreadable'

/** What is wanted, on the disk twice: a file that can't be read must open nothing. */
export class IsolationFile {
  readonly #path: string
  readonly #copy: string
  readonly #log: Log

  constructor(stateDirectory: string, log: Log) {
    this.#path = join(stateDirectory, 'isolation.json')
    this.#copy = join(stateDirectory, 'isolation.copy.json')
    this.#log = log
  }

  /** `isInForce` is asked where the disk alone does not tell: the first file is gone and the other is there. */
  async read(isInForce: () => Promise<boolean>): Promise<Found> {
    const first = await this.#parse(this.#path)
    if (isState(first)) return first
    const second = await this.#parse(this.#copy)
    if (first === 'absent') {
      // A release takes the rules away before the files, this one first: here it was cut short, or somebody took the file.
      if (second === 'absent' || !(await isInForce())) return 'none'
    }
    return isState(second) ? second : 'lost'
  }

  async write(state: IsolationState): Promise<void> {
    const text = JSON.stringify(isolationState.parse(state))
    await replaceFile(this.#copy, text)
    await replaceFile(this.#path, text)
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true })
    await rm(this.#copy, { force: true })
  }

  async #parse(path: string): Promise<Read> {
    try {
      return isolationState.parse(JSON.parse(await readFile(path, 'utf8')))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return 'absent'
      this.#log('isolation_unreadable', { message: errorText(error).slice(0, 200) })
      return 'unreadable'
    }
  }
}

const isState = (read: Read): read is IsolationState => typeof read === 'object'
