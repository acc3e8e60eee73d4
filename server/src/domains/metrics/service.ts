/** What devices measure: taken in by the minute, rolled up, asked for. The only writer of its tables. */
import type { MetricSample } from '@breeze/contract/agent-metrics'
import type { Logger } from 'pino'
import { Batch } from '../../kernel/batch.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import { answerMetrics, type MetricAnswer, type MetricQuestion } from './answer.ts'
import { type LatestMetrics, latestMetrics } from './latest.ts'
import { dropPartitions, makePartitions, RETENTION } from './partitions.ts'
import { type MetricReport, writeSamples } from './record.ts'
import { type RolledUp, rollUp } from './roll-up.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    metrics: Metrics
  }
}

export interface MetricsOptions {
  db: Db
  now(): Date
  log: Pick<Logger, 'error'>
  /** Called when the samples are durable, with their times between 48 hours ago and a minute ahead. */
  recorded?: ((batch: readonly MetricReport[]) => void) | undefined
}

/** A moment for company: what is stored a little later is still acknowledged before the next sample. */
const WINDOW_MS = 500
/** Samples and their disks in one transaction. */
const MOST_ROWS = 20_000
/** Rows that wait in memory; a fleet that comes back after an outage brings more than that, and is told nothing. */
const MOST_WAITING = 200_000
const AHEAD_MS = 60_000

const weightOf = ({ samples }: MetricReport): number =>
  samples.reduce((total, { disks }) => total + 1 + disks.length, 0)

export class Metrics {
  readonly #options: MetricsOptions
  readonly #reports: Batch<MetricReport, null>
  #waiting = 0
  #failure: unknown
  /** Rows up to here have a partition. */
  #storableUntil = new Date(0)

  constructor(options: MetricsOptions) {
    this.#options = options
    this.#reports = new Batch<MetricReport, null>({
      windowMs: WINDOW_MS,
      maxItems: 2000,
      maxWeight: MOST_ROWS,
      weigh: weightOf,
      handle: async (reports) => {
        await this.#write(reports)
        return reports.map(() => null)
      },
    })
  }

  /** Call before the first agent may connect. */
  async start(): Promise<void> {
    this.#storableUntil = await makePartitions(this.#options.db, this.#options.now())
  }

  /** True when the samples are durable. False when they can't be stored now, or too much waits: whoever has them keeps them. */
  async record(report: MetricReport): Promise<boolean> {
    const weight = weightOf(report)
    if (this.#waiting + weight > MOST_WAITING) return false
    this.#waiting += weight
    try {
      await this.#reports.add(report)
      return true
    } catch (error) {
      this.#failed(error)
      return false
    } finally {
      this.#waiting -= weight
    }
  }

  /** Within what the transaction sees. */
  ask(tx: Tx, question: MetricQuestion): Promise<MetricAnswer> {
    return answerMetrics(tx, question)
  }

  /** Null where nothing was measured within the time that minutes are kept. */
  latest(tx: Tx, deviceId: string): Promise<LatestMetrics | null> {
    return latestMetrics(tx, deviceId, this.#options.now())
  }

  /** Recurring. What a killed one left is done by the next. */
  rollUp(): Promise<RolledUp> {
    return rollUp(this.#options.db, this.#options.now())
  }

  /** Recurring: makes partitions ahead, and drops what is old and rolled up. */
  async keepPartitions(): Promise<void> {
    await this.start()
    await dropPartitions(this.#options.db, this.#options.now())
  }

  idle(): Promise<void> {
    return this.#reports.idle()
  }

  /** All reports of a batch fail by the same error, which is told once. */
  #failed(error: unknown): void {
    if (error !== this.#failure) this.#options.log.error({ err: error }, 'metrics could not be stored')
    this.#failure = error
  }

  async #write(reports: readonly MetricReport[]): Promise<void> {
    const { db, log, recorded } = this.#options
    const now = this.#options.now()
    const latest = new Date(now.getTime() + AHEAD_MS)
    // A process that slept for days wakes up without a partition for today.
    if (latest > this.#storableUntil) await this.start()
    const kept = within(reports, new Date(now.getTime() - RETENTION.minute.keptMs), latest)
    await db.worker((tx) => writeSamples(tx, kept))
    try {
      recorded?.(kept)
    } catch (error) {
      // The samples are stored all the same, and their agents must be told so.
      log.error({ err: error }, 'recorded metrics were not taken further')
    }
  }
}

/** Nothing can be said about a time that a wrong clock made up. */
function within(reports: readonly MetricReport[], earliest: Date, latest: Date): MetricReport[] {
  const isWithin = ({ at }: MetricSample): boolean => {
    const ms = Date.parse(at)
    return ms >= earliest.getTime() && ms <= latest.getTime()
  }
  return reports.flatMap(({ deviceId, samples }) => {
    const kept = samples.every(isWithin) ? samples : samples.filter(isWithin)
    return kept.length === 0 ? [] : [{ deviceId, samples: kept }]
  })
}

export type { MetricAnswer, MetricQuestion } from './answer.ts'
export type { LatestMetrics } from './latest.ts'
export type { MetricName } from './read.ts'
export type { MetricReport } from './record.ts'
