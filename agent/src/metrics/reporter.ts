import type { MetricSample } from '@breeze/contract/agent-metrics'
import { heartbeatOffset, untilNextHeartbeat } from '../backoff.ts'
import type { Reply } from '../device.ts'
import { errorText, type Log } from '../log.ts'
import type { SampleStore } from './sample-store.ts'
import type { MetricSource } from './source.ts'

/** A server that has too much to write answers nothing; it is asked again. */
const ACKNOWLEDGED_WITHIN_MS = 45_000
export const SAMPLE_EVERY_MS = 60_000

/** How this machine is measured, whatever its identity. */
export interface Measuring {
  source: MetricSource
  everyMs: number
}

export interface ReporterOptions {
  deviceId: string
  sampler: { begin(): Promise<void>; take(): Promise<MetricSample> }
  store: SampleStore
  log: Log
  everyMs: number
}

/** A sample each minute, kept until the server has it. */
export class MetricReporter {
  readonly #options: ReporterOptions
  readonly #everyMs: number
  readonly #offsetMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #reply: Reply | undefined
  /** When the frame that waits for its acknowledgement was sent. */
  #sentAtMs: number | undefined
  #stopped = false

  constructor(options: ReporterOptions) {
    this.#options = options
    this.#everyMs = options.everyMs
    // At another moment than the heartbeat.
    this.#offsetMs = heartbeatOffset(`${options.deviceId} metrics`, this.#everyMs)
  }

  async start(): Promise<void> {
    await this.#options.sampler.begin()
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#options.store.settled()
  }

  /** What was under way on another connection comes again; the server stores it once. */
  async welcomed(reply: Reply): Promise<void> {
    this.#reply = reply
    this.#sentAtMs = undefined
    await this.#send()
  }

  async recorded(until: string): Promise<void> {
    this.#options.store.forget(until)
    this.#sentAtMs = undefined
    await this.#send()
  }

  #schedule(): void {
    if (this.#stopped) return
    const wait = untilNextHeartbeat(Date.now(), this.#offsetMs, this.#everyMs)
    this.#timer = setTimeout(() => {
      this.#take().catch((error: unknown) => this.#options.log('metrics_error', { message: errorText(error) }))
    }, wait)
  }

  async #take(): Promise<void> {
    try {
      const sample = await this.#options.sampler.take()
      if (this.#stopped) return
      this.#options.store.add(sample)
      await this.#send()
    } finally {
      this.#schedule()
    }
  }

  async #send(): Promise<void> {
    const { store } = this.#options
    if (!this.#reply || this.#stopped || store.size === 0) return
    const now = performance.now()
    if (this.#sentAtMs !== undefined && now - this.#sentAtMs < ACKNOWLEDGED_WITHIN_MS) return
    this.#sentAtMs = now
    const isSent = await this.#reply({ type: 'metrics', samples: store.batch() })
    if (!isSent && this.#sentAtMs === now) this.#sentAtMs = undefined
  }
}
