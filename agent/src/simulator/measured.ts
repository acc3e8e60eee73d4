import { type MetricSample, MOST_SAMPLES, SAMPLES_KEPT_HOURS } from '@breeze/contract/agent-metrics'
import { heartbeatOffset, untilNextHeartbeat } from '../backoff.ts'
import type { Reply } from '../device.ts'
import type { Facts } from './facts.ts'
import type { Chance } from './seeded.ts'

/** What differs from a quiet device at that time. */
export type Course = (at: Date) => Partial<Omit<MetricSample, 'at'>>

const QUIET: Course = () => ({})
const MINUTE_MS = 60_000
/** A night that began more than a day ago is told whole. */
const MOST_KEPT = (SAMPLES_KEPT_HOURS + 8) * 60

export interface MeasuredOptions {
  deviceId: string
  facts: Facts
  chance: Chance
  now(): number
  bootedAt(): Date
}

/** A sample each minute, kept until the server has it, as a real agent does; a story may bend the course of the values. */
export class Measured {
  readonly #options: MeasuredOptions
  readonly #offsetMs: number
  #course = QUIET
  #waiting: MetricSample[] = []
  #reply: Reply | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: MeasuredOptions) {
    this.#options = options
    this.#offsetMs = heartbeatOffset(`${options.deviceId} metrics`, MINUTE_MS)
  }

  start(): void {
    this.#timer = setTimeout(
      () => {
        this.take()
        this.start()
      },
      untilNextHeartbeat(Date.now(), this.#offsetMs, MINUTE_MS),
    )
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** A sample out of turn. */
  take(): void {
    this.#add(this.#sample(this.#options.now()))
    this.#send()
  }

  /** All that was measured is with the server. */
  get isTold(): boolean {
    return this.#waiting.length === 0
  }

  /** From now on; with `since`, also for each minute from then until now, as if the device had been cut off meanwhile. */
  follow(course: Course, since?: Date): void {
    this.#course = course
    const now = this.#options.now()
    for (let at = since?.getTime() ?? now; at <= now; at += MINUTE_MS) this.#add(this.#sample(at))
    this.#send()
  }

  welcomed(reply: Reply): void {
    this.#reply = reply
    this.#send()
  }

  recorded(until: string): void {
    this.#waiting = this.#waiting.filter(({ at }) => at > until)
    if (this.#waiting.length > 0) this.#send()
  }

  #add(sample: MetricSample): void {
    this.#waiting.push(sample)
    if (this.#waiting.length > MOST_KEPT) this.#waiting.shift()
  }

  #send(): void {
    if (this.#waiting.length > 0) void this.#reply?.({ type: 'metrics', samples: this.#waiting.slice(0, MOST_SAMPLES) })
  }

  #sample(at: number): MetricSample {
    const { facts, chance, bootedAt } = this.#options
    const { totalBytes, availableBytes } = facts.memory
    return {
      at: new Date(at).toISOString(),
      cpuPercent: chance.between(2, 30),
      memoryPercent: Math.round(100 * (1 - availableBytes / totalBytes)),
      swapPercent: null,
      load1: null,
      uptimeSeconds: Math.max(0, Math.round((at - bootedAt().getTime()) / 1000)),
      disks: facts.disks.map((disk) => ({
        mount: disk.mount,
        usedPercent: disk.usedPercent,
        totalBytes: disk.totalBytes,
        availableBytes: disk.availableBytes,
      })),
      receivedBytesPerSecond: chance.between(1000, 400_000),
      sentBytesPerSecond: chance.between(1000, 100_000),
      ...this.#course(new Date(at)),
    }
  }
}
