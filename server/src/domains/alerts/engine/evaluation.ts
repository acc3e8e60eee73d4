/** From what was reported to what the book is told. Looks things up; writes nothing. */
import type { Db } from '../../../kernel/db.ts'
import type { SectionChange } from '../../devices/section-changes.ts'
import type { StoredSection, WatchedDevice } from '../../devices/watched-devices.ts'
import type { LoggedEvents } from '../../event-logs/service.ts'
import type { MetricReport } from '../../metrics/service.ts'
import type { Rule } from '../rule-rows.ts'
import type { BaselineKind } from '../tables.ts'
import type { Book } from './book.ts'
import type { Directory } from './directory.ts'
import { over, there } from './observation.ts'
import { Plan, type Plans } from './plans.ts'
import { DERIVED_SOURCES, type DerivedSignal } from './signals/derived.ts'
import { candidates, countCandidates, evaluateEvents, evaluateSoftware } from './signals/events.ts'
import { FACT_SIGNALS, FACT_SOURCES, type FactSignal, settle, type SupportOf } from './signals/facts.ts'
import { evaluateSamples } from './signals/metric.ts'
import { evaluatePresence, placeOf } from './signals/offline.ts'
import { type Baseline, readBaselines } from './stored.ts'

const NOTHING = new Plan([])
/** What a device is, and so which rules watch it, may be another thing since. */
const tellsRole = ({ section }: SectionChange): boolean => section === 'os' || section === 'services'
const keyOf = ({ deviceId, kind }: Pick<Baseline, 'deviceId' | 'kind'>): string => `${deviceId} ${kind}`
const OLDEST_FACT_MS = 48 * 3_600_000

export interface EvaluationOptions {
  db: Db
  book: Book
  directory: Directory
  plans(): Plans
  now(): number
  supportOf: SupportOf
}

type Fact = Pick<StoredSection, 'deviceId' | 'section' | 'status' | 'data'> & { at: number }

export class Evaluation {
  readonly #options: EvaluationOptions
  /** Device → its latest sample: what comes again, or out of order, has been looked at. */
  readonly #latest = new Map<string, number>()
  /** What is usual on devices from now on; written with the rest. */
  #baselines = new Map<string, Baseline>()

  constructor(options: EvaluationOptions) {
    this.#options = options
  }

  get hasBaselines(): boolean {
    return this.#baselines.size > 0
  }

  takeBaselines(): Baseline[] {
    const taken = [...this.#baselines.values()]
    this.#baselines.clear()
    return taken
  }

  /** They could not be written. What came meanwhile was made from them. */
  giveBack(baselines: readonly Baseline[]): void {
    for (const one of baselines) if (!this.#baselines.has(keyOf(one))) this.#baselines.set(keyOf(one), one)
  }

  forget(deviceId: string): void {
    this.#latest.delete(deviceId)
  }

  /** Nobody is alarmed for a device that nobody has let in. */
  planOf(device: WatchedDevice): Plan {
    return device.conditions.includes('awaiting_approval') ? NOTHING : this.#options.plans().of(device)
  }

  async samples(reports: readonly MetricReport[]): Promise<void> {
    const { directory, book } = this.#options
    await directory.know(reports.map((report) => report.deviceId))
    for (const { deviceId, samples } of reports) {
      const device = directory.get(deviceId)
      if (!device) continue
      const fresh = this.#fresh(deviceId, samples)
      if (fresh.length > 0) evaluateSamples(book, this.planOf(device), device, fresh)
    }
  }

  async changes(changes: readonly SectionChange[]): Promise<void> {
    const { directory, book, now } = this.#options
    await directory.know(changes.map((change) => change.deviceId))
    await directory.lookAgain([...new Set(changes.filter(tellsRole).map((change) => change.deviceId))])
    const facts = changes.map(({ deviceId, section, after }): Fact => {
      const at = Math.min(now(), Math.max(after.collectedAt.getTime(), now() - OLDEST_FACT_MS))
      return { deviceId, section, status: after.status, data: after.data, at }
    })
    await this.#facts(facts)
    for (const change of changes) {
      const device = change.section === 'software' ? directory.get(change.deviceId) : undefined
      if (device) evaluateSoftware(book, this.planOf(device), device, change, now())
    }
  }

  /** Sections as they are stored: what time alone may have changed, or what was not looked at before. */
  async sections(sections: readonly StoredSection[], signals?: readonly FactSignal[]): Promise<void> {
    await this.#options.directory.know(sections.map((section) => section.deviceId))
    const at = this.#options.now()
    await this.#facts(
      sections.map(({ deviceId, section, status, data }) => ({ deviceId, section, status, data, at })),
      signals,
    )
  }

  /** What is worked out from what is stored of these devices. */
  async derived(signals: readonly DerivedSignal[], deviceIds: readonly string[]): Promise<void> {
    await this.#options.directory.know(deviceIds)
    for (const signal of signals) await this.#derived(signal, deviceIds)
  }

  async #derived<S extends DerivedSignal>(signal: S, deviceIds: readonly string[]): Promise<void> {
    const { db, book, directory, now } = this.#options
    // What can't be seen at present neither begins nor ends.
    const own = deviceIds.filter((id) => directory.get(id)?.status === 'online' && this.#isWatched(id, signal))
    if (own.length === 0) return
    const { read, find } = DERIVED_SOURCES[signal]
    const known = await db.worker((tx) => read(tx, own, now()))
    for (const id of own) {
      const device = directory.get(id)
      for (const rule of device ? this.planOf(device).of(signal) : []) {
        const findings = find(rule, known.get(id), now())
        // Each signal's rule is a rule.
        if (device) settle(book, rule as Rule, placeOf(device), now(), findings)
      }
    }
  }

  async logged(batch: readonly LoggedEvents[]): Promise<void> {
    const { db, directory, book } = this.#options
    await directory.know(batch.map((one) => one.deviceId))
    const all = batch.flatMap((one) => {
      const device = directory.get(one.deviceId)
      return device ? candidates(this.planOf(device), device, one) : []
    })
    if (all.length === 0) return
    const counts = await db.worker((tx) => countCandidates(tx, all))
    for (const [index, candidate] of all.entries()) evaluateEvents(book, candidate, counts[index] ?? 0)
  }

  presence(device: WatchedDevice): void {
    evaluatePresence(this.#options.book, this.planOf(device), device, this.#options.now())
  }

  clock(device: WatchedDevice): void {
    const { book, now } = this.#options
    if (device.status !== 'online' || device.clockSkewMs === null) return
    const off = Math.abs(device.clockSkewMs) / 1000
    for (const rule of this.planOf(device).of('clock_skewed')) {
      const describe = () => ({
        title: `Clock wrong by ${Math.round(off)} seconds`,
        detail: { value: Math.round(off), threshold: rule.condition.seconds, unit: 'seconds' },
      })
      const isOff = off >= rule.condition.seconds
      book.observe(rule, placeOf(device), '', isOff ? there(now(), rule.severity, describe, off) : over(now(), off))
    }
  }

  #fresh(deviceId: string, samples: MetricReport['samples']): MetricReport['samples'] {
    const latest = this.#latest.get(deviceId) ?? 0
    const fresh = samples.filter((sample) => Date.parse(sample.at) > latest)
    if (fresh.length > 1) fresh.sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
    const last = fresh.at(-1)
    if (last) this.#latest.set(deviceId, Date.parse(last.at))
    return fresh
  }

  async #facts(facts: readonly Fact[], signals: readonly FactSignal[] = FACT_SIGNALS): Promise<void> {
    for (const signal of signals) {
      const { section, baseline } = FACT_SOURCES[signal]
      const own = facts.filter((fact) => fact.section === section && this.#isWatched(fact.deviceId, signal))
      if (own.length > 0) this.#signal(signal, own, baseline, baseline ? await this.#usual(baseline, own) : null)
    }
  }

  #isWatched(deviceId: string, signal: FactSignal | DerivedSignal): boolean {
    const device = this.#options.directory.get(deviceId)
    return device !== undefined && this.planOf(device).of(signal).length > 0
  }

  #usual(kind: BaselineKind, facts: readonly Fact[]): Promise<Map<string, ReadonlySet<string>>> {
    const ids = facts.map((fact) => fact.deviceId)
    return this.#options.db.worker((tx) => readBaselines(tx, kind, ids))
  }

  #signal<S extends FactSignal>(
    signal: S,
    facts: readonly Fact[],
    kind: BaselineKind | undefined,
    usual: ReadonlyMap<string, ReadonlySet<string>> | null,
  ): void {
    const { book, directory, supportOf } = this.#options
    for (const { deviceId, status, data, at } of facts) {
      const device = directory.get(deviceId)
      if (!device) continue
      const known = usual?.get(deviceId) ?? null
      const written = kind && this.#baselines.get(keyOf({ deviceId, kind }))
      const baseline = written ? new Set(written.names) : known
      let grown: readonly string[] | undefined
      for (const rule of this.planOf(device).of(signal)) {
        const findings =
          status === 'ok' ? FACT_SOURCES[signal].find(rule, data, { device, at, baseline, supportOf }) : null
        // Each signal's rule is a rule.
        settle(book, rule as Rule, placeOf(device), at, findings)
        grown = findings?.baseline ?? grown
      }
      if (grown && kind) this.#baselines.set(keyOf({ deviceId, kind }), { deviceId, kind, names: grown })
    }
  }
}
