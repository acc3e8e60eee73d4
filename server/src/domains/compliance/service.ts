/** What compliance offers: who judges, what stands, and the rules and frameworks in force. */
import { setImmediate } from 'node:timers/promises'
import type { Db, Tx } from '../../kernel/db.ts'
import type { SectionChange } from '../devices/section-changes.ts'
import { Evaluator } from './evaluator.ts'
import { forgetDays, recordDay, siteShares } from './history.ts'
import { listResults, type CheckResult } from './listing.ts'
import { JUDGED_SECTIONS, type SupportOf } from './loading.ts'
import { type Level, Policies } from './policies.ts'
import { forgetResults } from './results.ts'
import { CHECK_IDS } from './checks/all.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    compliance: Compliance
  }
}

const SWEPT_EVERY_MS = 3_600_000
const OF_LEVEL = `
  select d.id from devices d join organizations o on o.id = d.organization_id
  where o.partner_id = $1 and ($2::uuid is null or o.id = $2) and d.removed_at is null order by d.id`

export interface ComplianceOptions {
  db: Db
  now(): Date
  /** What a table of releases says of a system; without one, only what the system says of itself counts. */
  supportOf?: SupportOf | undefined
  failed(error: unknown): void
}

export class Compliance {
  readonly policies: Policies
  readonly #db: Db
  readonly #now: () => Date
  readonly #evaluator: Evaluator

  constructor({ db, now, supportOf, failed }: ComplianceOptions) {
    this.#db = db
    this.#now = now
    this.policies = new Policies(db)
    this.#evaluator = new Evaluator({ db, now, supportOf, failed, policies: this.policies })
  }

  /** Something that is derived from their facts became different; they are judged within moments. */
  derived(deviceIds: readonly string[]): void {
    this.#evaluator.changed(deviceIds)
  }

  /** Told by the inventory; judged within moments. */
  changed(changes: readonly SectionChange[]): void {
    this.#evaluator.changed(
      changes.filter(({ section }) => JUDGED_SECTIONS.has(section)).map(({ deviceId }) => deviceId),
    )
  }

  /** Resolves when these devices have been judged by what is known of them now. */
  evaluate(deviceIds: readonly string[]): Promise<void> {
    return this.#evaluator.evaluate(deviceIds)
  }

  /** Resolves when everything that changed before the call has been judged. */
  idle(): Promise<void> {
    return this.#evaluator.flush()
  }

  /** Judges every device again that was not judged for a while, because time alone changes verdicts; keeps how the day stands. */
  async sweep(olderThanMs = SWEPT_EVERY_MS): Promise<void> {
    await this.policies.refresh()
    const swept = await this.#evaluator.sweep(new Date(this.#now().getTime() - olderThanMs))
    if (swept === 0) return
    await this.#db.worker(forgetResults)
    await this.#recordDay()
  }

  /** Rules of a level changed and are durable: they are in force, and its devices are judged anew within moments. */
  async rulesChanged({ partnerId, organizationId }: Level): Promise<void> {
    await this.policies.refresh()
    const rows = await this.#db.worker((tx) =>
      tx.prepared<{ id: string }>('compliance_of_level', OF_LEVEL, [partnerId, organizationId]),
    )
    this.#evaluator.changed(rows.map(({ id }) => id))
  }

  /** Failures that were accepted until now count again. */
  expireWaivers(): Promise<void> {
    return this.#evaluator.expireWaivers()
  }

  /** A waiver came or was ended. */
  waiversChanged(organizationId: string, checkId: string): Promise<void> {
    return this.#evaluator.waive(organizationId, checkId)
  }

  /** Everything that is said of one device, the worst first. */
  async ofDevice(tx: Tx, deviceId: string): Promise<CheckResult[]> {
    const asked = { control: { checks: CHECK_IDS }, filter: { ids: [deviceId] } }
    const { devices } = await listResults(tx, asked, { limit: 1, after: undefined })
    return devices[0]?.checks ?? []
  }

  async stop(): Promise<void> {
    await this.#evaluator.stop()
  }

  async #recordDay(): Promise<void> {
    const now = this.#now()
    await this.#db.worker((tx) => forgetDays(tx, now))
    for (const site of await this.#db.worker(siteShares)) {
      const frameworks = this.policies.ofOrganization(site.partnerId, site.organizationId)
      await this.#db.worker((tx) => recordDay(tx, now, site, frameworks))
      await setImmediate()
    }
  }
}
