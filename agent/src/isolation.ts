import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { IsolationFile, type IsolationState } from './isolation-file.ts'
import { errorText, type Log } from './log.ts'
import { isInForce, isolationRules, loadRules, removeRules } from './platform/linux/isolation-rules.ts'
import type { PinnedNames } from './pinned-names.ts'

const LOOK_EVERY_MS = 15_000
/** Cut off for so long where nothing tells any more for how long it was meant: it opens neither at once nor never. */
const LOST_MS = 24 * 3_600_000

export interface IsolationOptions {
  stateDirectory: string
  names: PinnedNames
  /** The server's time, as well as it is known. */
  now: () => number
  log: Log
  /** Where the servers are now: asked only where what was known of it is lost. */
  servers: () => Promise<Pick<IsolationState, 'servers' | 'names'>>
  lookEveryMs?: number
}

/** `servers` null: what was known of it is lost. */
type Wanted = IsolationState | { servers: null; until: string }

/**
 * Whether this device is cut off. What is wanted is on the disk before the rules are loaded, so that neither a crash nor a
 * restart of the machine opens it; rules that somebody took away come back. Where the disk can't be read any more, what is in
 * force stays, what is not is made anew with only the servers in reach, and a day later it ends unless somebody acts before.
 */
export class Isolation {
  readonly #options: IsolationOptions
  readonly #file: IsolationFile
  #state: Wanted | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  /** One act after the other. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: IsolationOptions, file: IsolationFile) {
    this.#options = options
    this.#file = file
  }

  /** Before anything connects: names are pinned and rules in force when this settles. */
  static async open(options: IsolationOptions): Promise<Isolation> {
    const file = new IsolationFile(options.stateDirectory, options.log)
    const isolation = new Isolation(options, file)
    await isolation.#remember()
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
      await this.#file.write(state)
      try {
        await this.#load(state)
      } catch (error) {
        // The rules of before are still in force, or none. What was lost stays so: whoever asked is told, and asks again.
        if (!before) await this.#file.remove()
        else if (before.servers) await this.#file.write(before)
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
      await this.#file.remove()
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
        await this.#restore(this.#state)
        log('isolation_restored', {})
      })
    } catch (error) {
      log('isolation_error', { message: errorText(error) })
    }
  }

  async #remember(): Promise<void> {
    const { names, log } = this.#options
    const found = await this.#file.read(async () => {
      try {
        return await isInForce()
      } catch (error) {
        log('isolation_error', { message: errorText(error) })
        return false
      }
    })
    if (found === 'none') return
    if (found === 'lost') {
      const until = new Date(this.now() + LOST_MS).toISOString()
      this.#state = { servers: null, until }
      log('isolation_lost', { until })
      return
    }
    this.#state = found
    names.pin(found.names)
    // Both copies are whole again; a full disk must not keep the agent from starting.
    await this.#file.write(found).catch((error: unknown) => log('isolation_error', { message: errorText(error) }))
  }

  /** Not in force: names can still be asked for. */
  async #restore(wanted: Wanted): Promise<void> {
    if (wanted.servers) return this.#load(wanted)
    const { servers, names } = this.#options
    const state = { ...(await servers()), allow: [], until: wanted.until }
    await this.#file.write(state)
    await this.#load(state)
    this.#state = state
    names.pin(state.names)
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
