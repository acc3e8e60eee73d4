import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { replaceFile } from './durable-file.ts'
import { errorText, type Log } from './log.ts'
import { errorCode } from './platform/error-code.ts'
import { isInForce, isolationRules, loadRules, removeRules } from './platform/linux/isolation-rules.ts'
import type { PinnedNames } from './pinned-names.ts'

const LOOK_EVERY_MS = 15_000

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

export interface IsolationOptions {
  stateDirectory: string
  names: PinnedNames
  /** The server's time, as well as it is known. */
  now: () => number
  log: Log
  lookEveryMs?: number
}

/**
 * Whether this device is cut off. What is wanted is on the disk before the rules are loaded, so that neither a crash nor a
 * restart of the machine opens it; rules that somebody took away come back.
 */
export class Isolation {
  readonly #options: IsolationOptions
  readonly #path: string
  #state: IsolationState | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  /** One act after the other. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: IsolationOptions, path: string, state: IsolationState | undefined) {
    this.#options = options
    this.#path = path
    this.#state = state
    if (state) options.names.pin(state.names)
  }

  /** Before anything connects: names are pinned and rules in force when this settles. */
  static async open(options: IsolationOptions): Promise<Isolation> {
    const path = join(options.stateDirectory, 'isolation.json')
    const isolation = new Isolation(options, path, await readState(path, options.log))
    if (isolation.isolated) await isolation.#look()
    isolation.#watch()
    return isolation
  }

  get isolated(): boolean {
    return this.#state !== undefined
  }

  get until(): string | null {
    return this.#state?.until ?? null
  }

  now(): number {
    return this.#options.now()
  }

  isolate(state: IsolationState): Promise<boolean> {
    return this.#inTurn(async () => {
      const before = this.#state
      await replaceFile(this.#path, JSON.stringify(isolationState.parse(state)))
      try {
        await this.#load(state)
      } catch (error) {
        // The rules of before are still in force, or none.
        await (before ? replaceFile(this.#path, JSON.stringify(before)) : rm(this.#path, { force: true }))
        throw error
      }
      this.#state = state
      this.#options.names.pin(state.names)
      this.#watch()
      return await isInForce()
    })
  }

  /** Takes away the own table and nothing else. True when the device is still cut off. */
  release(): Promise<boolean> {
    return this.#inTurn(async () => {
      await removeRules()
      await rm(this.#path, { force: true })
      this.#state = undefined
      this.#options.names.unpin()
      this.#watch()
      return await isInForce()
    })
  }

  /** Ends the watching; the device stays as it is. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#last
  }

  #watch(): void {
    clearInterval(this.#timer)
    if (!this.#state) return
    this.#timer = setInterval(() => void this.#look(), this.#options.lookEveryMs ?? LOOK_EVERY_MS)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const { log } = this.#options
    try {
      const { until } = this
      if (until !== null && this.now() >= Date.parse(until)) {
        await this.release()
        log('isolation_released', { reason: 'its time is over' })
        return
      }
      await this.#inTurn(async () => {
        if (!this.#state || (await isInForce())) return
        await this.#load(this.#state)
        log('isolation_restored', {})
      })
    } catch (error) {
      log('isolation_error', { message: errorText(error) })
    }
  }

  async #load({ servers, allow }: IsolationState): Promise<void> {
    const path = join(this.#options.stateDirectory, 'isolation.nft')
    await writeFile(path, isolationRules(servers, allow), { mode: 0o600 })
    await loadRules(path)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

async function readState(path: string, log: Log): Promise<IsolationState | undefined> {
  try {
    return isolationState.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') log('isolation_unreadable', { message: errorText(error).slice(0, 200) })
    return undefined
  }
}
