import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type MetricSample, metricSample, MOST_SAMPLES, SAMPLES_KEPT_HOURS } from '@breeze/contract/agent-metrics'
import * as z from 'zod'
import { replaceFile } from '../durable-file.ts'
import { isMissing } from '../identity-store.ts'
import { errorText, type Log } from '../log.ts'

const MOST_KEPT = SAMPLES_KEPT_HOURS * 60
/** Well below what a frame may weigh, for a device with many disks. */
const MOST_BATCH_BYTES = 512 * 1024
/** Lines that may lie in the file beside those that are kept. */
const MOST_STALE = 500

const header = z.object({ deviceId: z.string() })

interface Kept {
  sample: MetricSample
  /** As a line of the file. */
  line: string
  isWritten: boolean
}

/**
 * Samples that the server has not acknowledged, in memory and in the state folder. A line is not synced: a crash of the
 * machine may cost the last ones, a restart of the agent costs none. A folder that can't be written costs only what a
 * restart would have saved.
 */
export class SampleStore {
  readonly #path: string
  readonly #deviceId: string
  readonly #log: Log
  readonly #kept: Kept[]
  /** Lines of the file, the header apart; undefined while there is no file of this device. */
  #lines: number | undefined
  #isFailing = false
  #work: Promise<void> = Promise.resolve()

  private constructor(path: string, deviceId: string, log: Log, read: Stored | undefined) {
    this.#path = path
    this.#deviceId = deviceId
    this.#log = log
    this.#kept = read?.kept ?? []
    this.#lines = read?.lines
  }

  /** What another identity measured on this disk is not this device's. */
  static async open(stateDirectory: string, deviceId: string, log: Log): Promise<SampleStore> {
    const path = join(stateDirectory, 'metrics.ndjson')
    try {
      return new SampleStore(path, deviceId, log, parse(await readFile(path, 'utf8'), deviceId))
    } catch (error) {
      if (!isMissing(error)) log('metrics_store_unreadable', { message: errorText(error).slice(0, 200) })
      return new SampleStore(path, deviceId, log, undefined)
    }
  }

  get size(): number {
    return this.#kept.length
  }

  add(sample: MetricSample): void {
    const line = `${JSON.stringify(sample)}\n`
    this.#kept.push({ sample, line, isWritten: false })
    if (this.#kept.length > MOST_KEPT) this.#kept.splice(0, this.#kept.length - MOST_KEPT)
    this.#inTurn(() => this.#append())
  }

  /** The oldest ones, as many as go in one frame. */
  batch(): MetricSample[] {
    let bytes = 0
    const end = this.#kept.slice(0, MOST_SAMPLES).findIndex(({ line }) => (bytes += line.length) > MOST_BATCH_BYTES)
    return this.#kept.slice(0, end < 0 ? MOST_SAMPLES : Math.max(1, end)).map(({ sample }) => sample)
  }

  /** The server has them up to the one that was taken at `until`. Every frame begins with the oldest, so what is before it too. */
  forget(until: string): void {
    const last = this.#kept.findIndex(({ sample }) => sample.at === until)
    if (last < 0) return
    this.#kept.splice(0, last + 1)
    this.#inTurn(() => this.#tidy())
  }

  /** Settles when what was added is in the file. */
  settled(): Promise<void> {
    return this.#work
  }

  async #append(): Promise<void> {
    if (this.#lines === undefined) return this.#rewrite()
    const fresh = this.#kept.filter(({ isWritten }) => !isWritten)
    if (fresh.length === 0) return
    await appendFile(this.#path, fresh.map(({ line }) => line).join(''))
    for (const one of fresh) one.isWritten = true
    this.#lines += fresh.length
  }

  async #tidy(): Promise<void> {
    if (this.#lines === undefined) return
    if (this.#kept.length === 0) {
      await rm(this.#path, { force: true })
      this.#lines = undefined
    } else if (this.#lines - this.#kept.length > MOST_STALE) await this.#rewrite()
  }

  async #rewrite(): Promise<void> {
    const kept = [...this.#kept]
    const lines = kept.map(({ line }) => line).join('')
    await replaceFile(this.#path, `${JSON.stringify({ deviceId: this.#deviceId })}\n${lines}`)
    for (const one of kept) one.isWritten = true
    this.#lines = kept.length
  }

  #inTurn(work: () => Promise<void>): void {
    this.#work = this.#work.then(() => this.#guarded(work))
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#isFailing = false
    } catch (error) {
      // Told once, not each minute. What the file holds is uncertain: it is written anew when that is possible again.
      if (!this.#isFailing) this.#log('metrics_store_error', { message: errorText(error) })
      this.#isFailing = true
      this.#lines = undefined
    }
  }
}

interface Stored {
  kept: Kept[]
  /** Undefined where the file ends within a line: it is written anew. */
  lines: number | undefined
}

/** Undefined for another device's file. A line that a crash cut short is passed over. */
function parse(text: string, deviceId: string): Stored | undefined {
  const [first = '', ...lines] = text.split('\n')
  if (header.parse(JSON.parse(first)).deviceId !== deviceId) return undefined
  const kept = lines.flatMap((line) => {
    const sample = parseLine(line)
    return sample ? [{ sample, line: `${JSON.stringify(sample)}\n`, isWritten: true }] : []
  })
  return { kept: kept.slice(-MOST_KEPT), lines: text.endsWith('\n') ? lines.length - 1 : undefined }
}

function parseLine(line: string): MetricSample | undefined {
  try {
    return metricSample.parse(JSON.parse(line))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}
