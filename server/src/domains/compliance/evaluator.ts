/**
 * Who judges devices when: soon after a fact changed, and all of them now and then, because facts grow stale and limits pass
 * by time alone. One batch is under way at any time, so that a later look is never overwritten by an earlier one.
 */
import { setImmediate } from 'node:timers/promises'
import type { Db } from '../../kernel/db.ts'
import { CATALOGUE } from './codes.ts'
import { loadSubjects, type Subject, type SupportOf } from './loading.ts'
import type { Policies } from './policies.ts'
import { judge, writeResults } from './results.ts'
import { applyWaivers, expiredWaivers, waivingOrganizations } from './waivers.ts'

/** Devices judged together: what is read of them is parsed at once and must not hold up the heartbeats. */
const BATCH = 25
// Also those of whose changes nobody was told: the server stopped in between.
const DUE = `
  select d.id from devices d left join compliance_evaluations e on e.device_id = d.id
  where d.removed_at is null and (e.evaluated_at is null or e.evaluated_at < $1 or e.catalogue is distinct from $2
    or exists (select from device_sections s where s.device_id = d.id and s.received_at > e.evaluated_at))
  order by d.id`
const OF_ORGANIZATION = 'select id from devices where organization_id = $1 and removed_at is null order by id'
/** Devices over whose results waivers are laid in one statement. */
const WAIVED_TOGETHER = 500
/** Changes of a device come several together. */
const GATHER_MS = 1000

export interface EvaluatorOptions {
  db: Db
  policies: Policies
  now(): Date
  supportOf?: SupportOf | undefined
  failed(error: unknown): void
}

export class Evaluator {
  readonly #db: Db
  readonly #policies: Policies
  readonly #now: () => Date
  readonly #supportOf: SupportOf | undefined
  readonly #failed: (error: unknown) => void
  readonly #waiting = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #tail: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: EvaluatorOptions) {
    this.#db = options.db
    this.#policies = options.policies
    this.#now = options.now
    this.#supportOf = options.supportOf
    this.#failed = options.failed
  }

  /** These will be judged within moments. */
  changed(deviceIds: Iterable<string>): void {
    for (const id of deviceIds) this.#waiting.add(id)
    if (this.#waiting.size === 0 || this.#stopped) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.flush().catch(this.#failed)
    }, GATHER_MS)
  }

  /** Resolves when everything that waited before the call has been judged. */
  async flush(): Promise<void> {
    const ids = [...this.#waiting]
    this.#waiting.clear()
    await this.evaluate(ids)
  }

  /** Resolves when they have been judged. */
  async evaluate(ids: readonly string[]): Promise<void> {
    for (let start = 0; start < ids.length && !this.#stopped; start += BATCH) {
      await this.#inTurn(() => this.#batch(ids.slice(start, start + BATCH)))
      // Others come first between two batches.
      await setImmediate()
    }
  }

  /** Judges devices that were last judged before then, or never, or told something new since; answers how many. */
  async sweep(before: Date): Promise<number> {
    const due = await this.#ids('compliance_due', DUE, [before, CATALOGUE])
    await this.evaluate(due)
    return due.length
  }

  /** Other work on results, between two batches. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.#tail.then(work)
    this.#tail = run.catch(() => undefined)
    await run
  }

  /** Lays the waivers of an organization anew over the results of a check. */
  async waive(organizationId: string, checkId: string): Promise<void> {
    const ids = await this.#ids('compliance_of_organization', OF_ORGANIZATION, [organizationId])
    await this.#waive(ids, checkId)
  }

  /** Ends what was accepted until now. */
  async expireWaivers(): Promise<void> {
    await this.#waive(await this.#db.worker((tx) => expiredWaivers(tx, this.#now())), null)
  }

  async #waive(ids: readonly string[], checkId: string | null): Promise<void> {
    for (let start = 0; start < ids.length; start += WAIVED_TOGETHER) {
      const some = ids.slice(start, start + WAIVED_TOGETHER)
      await this.#inTurn(() => this.#db.worker((tx) => applyWaivers(tx, this.#now(), some, checkId)))
    }
  }

  async #ids(name: string, text: string, values: unknown[]): Promise<string[]> {
    const rows = await this.#db.worker((tx) => tx.prepared<{ id: string }>(name, text, values))
    return rows.map(({ id }) => id)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#tail
  }

  async #batch(ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || this.#stopped) return
    const now = this.#now()
    const subjects = await this.#db.worker((tx) => loadSubjects(tx, now, ids, this.#supportOf))
    if (subjects.length === 0) return
    const judged = subjects.map((subject) => judge(subject, this.#rulesFor(subject)))
    const organizations = [...new Set(subjects.map(({ organizationId }) => organizationId))]
    await this.#db.worker(async (tx) => {
      await writeResults(tx, now, judged)
      const waiving = await waivingOrganizations(tx, now, organizations)
      const waived = subjects.filter(({ organizationId, isWaived }) => isWaived || waiving.has(organizationId))
      if (waived.length > 0)
        await applyWaivers(
          tx,
          now,
          waived.map(({ id }) => id),
        )
    })
  }

  #rulesFor({ partnerId, organizationId }: Subject) {
    return this.#policies.effective(partnerId, organizationId)
  }
}
