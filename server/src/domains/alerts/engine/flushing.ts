/** Brings what changed in the book into the database, and what somebody else did there into the book. */
import type { Logger } from 'pino'
import type { Db } from '../../../kernel/db.ts'
import type { Events } from '../../../kernel/events.ts'
import type { Environment } from '../../../kernel/context.ts'
import { alertsOf } from '../topics.ts'
import type { Book } from './book.ts'
import type { Evaluation } from './evaluation.ts'
import { happensOnce } from './signals/events.ts'
import { type Baseline, readOpenAlertsAt, writeBaselines, writeEvaluated } from './stored.ts'
import type { Watched } from './watched.ts'
import { takeWrite, type Write, write, type Written } from './writes.ts'

/** Rows in one transaction. */
const MOST_WRITES = 2000
const EVALUATED_EVERY_MS = 10_000
/** After a person closed an alert that still holds: at least so long until it opens again. */
const REOPEN_MS = 60_000

export interface FlushingOptions {
  db: Db
  events: Events
  environment: Environment
  log: Pick<Logger, 'error'>
  book: Book
  evaluation: Evaluation
}

export class Flushing {
  readonly #options: FlushingOptions
  #evaluatedAt = 0
  /** Something was not looked at: what is stored must be looked at again. */
  isBehind = false

  constructor(options: FlushingOptions) {
    this.#options = options
  }

  /** False when the database would not take it: it is tried again with what comes next. */
  async flush(): Promise<boolean> {
    const { book, environment, evaluation, log } = this.#options
    const from = environment.now()
    try {
      while (book.dirty.size > 0 || evaluation.hasBaselines) await this.#step([...book.dirty].slice(0, MOST_WRITES))
      await this.#evaluated(from)
      return true
    } catch (error) {
      log.error({ err: error }, 'alerts could not be written')
      return false
    }
  }

  /** A person closed the alert. What holds all the same opens again once its rule is fulfilled anew. */
  closedByPerson(watched: Watched, at: number): void {
    const { book } = this.#options
    const next = watched.closedByPerson(at, REOPEN_MS)
    book.remove(watched, at)
    // There is nothing more to write of it.
    book.dirty.delete(watched)
    if (next === null || happensOnce(watched.rule.signal)) return
    book.put(next)
    book.dirty.add(next)
  }

  async #step(taken: readonly Watched[]): Promise<void> {
    const { book, evaluation, events } = this.#options
    for (const watched of taken) book.dirty.delete(watched)
    const writes = taken.map(takeWrite)
    const written = await this.#write(writes, evaluation.takeBaselines())
    const touched = writes.filter((one) => one.alert !== null)
    for (const organization of new Set(touched.map(({ watched }) => watched.place.organizationId)))
      events.publish(alertsOf(organization))
    if (touched.length > 0) events.publish('alert_events')
    await this.#settle(writes, written)
  }

  async #write(writes: readonly Write[], baselines: readonly Baseline[]): Promise<Written> {
    const { db, book, evaluation } = this.#options
    try {
      return await db.worker(async (tx) => {
        await writeBaselines(tx, baselines)
        return write(tx, writes)
      })
    } catch (error) {
      for (const { watched, events } of writes) {
        watched.giveBack(events)
        book.dirty.add(watched)
      }
      evaluation.giveBack(baselines)
      throw error
    }
  }

  async #settle(writes: readonly Write[], { refused, closed }: Written): Promise<void> {
    for (const { watched, alert, pending } of writes) watched.stored = alert ? 'alert' : pending ? 'pending' : 'nothing'
    const now = this.#options.environment.now().getTime()
    for (const { watched } of closed) if (!watched.ended) this.closedByPerson(watched, now)
    if (refused.length > 0) await this.#adopt(refused)
  }

  /** Where another engine was quicker its alert is gone on with; where device or rule are gone there is nothing to watch. */
  async #adopt(refused: readonly Write[]): Promise<void> {
    const { db, book, environment } = this.#options
    const places = refused.flatMap(({ watched: { place, rule, instance } }) =>
      place.deviceId === null ? [] : [{ deviceId: place.deviceId, ruleId: rule.id, instance }],
    )
    const found = await db.worker((tx) => readOpenAlertsAt(tx, places))
    for (const { watched } of refused) {
      if (watched.ended) continue
      const { place, rule, instance } = watched
      const other = found.find(
        (one) => one.deviceId === place.deviceId && one.ruleId === rule.id && one.instance === instance,
      )
      if (other) watched.adopt(other.alert)
      else {
        watched.ended = true
        book.remove(watched, environment.now().getTime())
      }
    }
  }

  /** Everything stored until then has been looked at. Told now and then: the next start looks a little further back. */
  async #evaluated(until: Date): Promise<void> {
    if (this.isBehind || until.getTime() - this.#evaluatedAt < EVALUATED_EVERY_MS) return
    await this.#options.db.worker((tx) => writeEvaluated(tx, until))
    this.#evaluatedAt = until.getTime()
  }
}
