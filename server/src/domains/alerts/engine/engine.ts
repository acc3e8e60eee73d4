/**
 * The only opener and closer of alerts. What is reported comes in as it was stored, is looked at in its order, and what
 * follows is written together. Killed at any point, it goes on from what is stored.
 */
import type { Logger } from 'pino'
import type { EventWatch } from '@breeze/contract/agent-events'
import type { Environment } from '../../../kernel/context.ts'
import type { Db } from '../../../kernel/db.ts'
import type { Events } from '../../../kernel/events.ts'
import type { PresenceTurn } from '../../devices/presence-turns.ts'
import type { WatchedDevice } from '../../devices/watched-devices.ts'
import type { SectionChange } from '../../devices/section-changes.ts'
import type { LoggedEvents } from '../../event-logs/service.ts'
import type { Maintenance } from '../../maintenance/service.ts'
import type { MetricReport } from '../../metrics/service.ts'
import { Book } from './book.ts'
import { Bursts } from './bursts.ts'
import { Directory } from './directory.ts'
import { Evaluation } from './evaluation.ts'
import { Flushing } from './flushing.ts'
import { Lag } from './lag.ts'
import { load } from './loading.ts'
import { Plans } from './plans.ts'
import { readRules, type RuleOf } from '../rule-rows.ts'
import type { Signal } from '../rules.ts'
import { namedGroups, Rounds } from './rounds.ts'
import type { DerivedSignal } from './signals/derived.ts'
import type { SupportOf } from './signals/facts.ts'
import { Sites } from './sites.ts'
import { Surfacing } from './surfacing.ts'
import type { Watched } from './watched.ts'

export interface EngineOptions {
  db: Db
  events: Events
  environment: Environment
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  maintenance: Maintenance
  /** What a table of releases says of a system. */
  supportOf: SupportOf
  /** Rules are others now: with them, what devices look for in their logs. */
  rulesChanged?(): void
}

type Input =
  | { kind: 'samples'; reports: readonly MetricReport[]; at: number }
  | { kind: 'turns'; turns: readonly PresenceTurn[]; at: number }
  | { kind: 'changes'; changes: readonly SectionChange[]; at: number }
  | { kind: 'logged'; batch: readonly LoggedEvents[]; at: number }
  | { kind: 'work'; work(): Promise<void>; at: number }

/** What waits when the database is away for long; the rest is looked at again from what is stored. */
const MOST_WAITING = 5000

export class AlertEngine {
  readonly #options: EngineOptions
  readonly #directory: Directory
  readonly #book: Book
  readonly #evaluation: Evaluation
  readonly #sites: Sites
  readonly #bursts: Bursts
  readonly #flushing: Flushing
  readonly #rounds: Rounds
  readonly lag = new Lag()
  #plans = new Plans([])
  #inbox: Input[] = []
  #running: Promise<void> | undefined
  #isReady = false

  constructor(options: EngineOptions) {
    const { db, environment, maintenance } = options
    this.#options = options
    this.#directory = new Directory(db)
    this.#book = new Book({ environment, opened: (watched) => this.#opened(watched) })
    const shared = {
      db,
      book: this.#book,
      directory: this.#directory,
      plans: () => this.#plans,
      now: () => this.#now(),
    }
    this.#evaluation = new Evaluation({ ...shared, supportOf: options.supportOf })
    this.#sites = new Sites(shared)
    this.#bursts = new Bursts(shared)
    this.#flushing = new Flushing({ ...options, ...shared, evaluation: this.#evaluation })
    const surfacing = new Surfacing({
      ...shared,
      inMaintenance: (device, at) => maintenance.covers(device, at) !== null,
    })
    this.#rounds = new Rounds({
      ...options,
      ...shared,
      evaluation: this.#evaluation,
      flushing: this.#flushing,
      surfacing,
      sites: this.#sites,
      bursts: this.#bursts,
      readRules: () => this.#readRules(),
    })
  }

  /** Takes up what was open and pending, and looks at what was stored while nobody looked. Call before agents connect. */
  async start(): Promise<void> {
    const { db, environment } = this.#options
    await this.#options.maintenance.refresh()
    this.#plans = await this.#readRules()
    await this.#directory.refresh(namedGroups(this.#plans, this.#options.maintenance))
    await load({ db, environment, book: this.#book, plans: this.#plans })
    for (const watched of this.#book.all()) {
      if (watched.rule.signal === 'site_offline') this.#sites.restore(watched)
      if (watched.rule.signal === 'burst') this.#bursts.restore(watched)
    }
    this.#isReady = true
    await this.#rounds.start()
    await this.#flushing.flush()
  }

  recorded(reports: readonly MetricReport[]): void {
    this.#take({ kind: 'samples', reports, at: this.#now() })
  }

  turned(turns: readonly PresenceTurn[]): void {
    this.#take({ kind: 'turns', turns, at: this.#now() })
  }

  changed(changes: readonly SectionChange[]): void {
    this.#take({ kind: 'changes', changes, at: this.#now() })
  }

  /** What is worked out of these devices is another thing than before. */
  derived(signals: readonly DerivedSignal[], deviceIds: readonly string[]): void {
    const work = () => this.#evaluation.derived(signals, deviceIds)
    this.#take({ kind: 'work', work, at: this.#now() })
  }

  /** The rules of a signal, each with the devices it watches that are there now. */
  watched<S extends Signal>(signal: S): Map<RuleOf<S>, WatchedDevice[]> {
    const watched = new Map<RuleOf<S>, WatchedDevice[]>()
    for (const device of this.#directory.all()) {
      if (device.status !== 'online') continue
      for (const rule of this.#evaluation.planOf(device).of(signal)) {
        const known = watched.get(rule)
        if (known) known.push(device)
        else watched.set(rule, [device])
      }
    }
    return watched
  }

  logged(batch: readonly LoggedEvents[]): void {
    this.#take({ kind: 'logged', batch, at: this.#now() })
  }

  /** One step of what time alone brings; once a second. Resolves when it is written. */
  async tick(): Promise<void> {
    this.#take({ kind: 'work', work: () => this.#rounds.tick(), at: this.#now() })
    await this.idle()
  }

  /** Resolves when everything told so far has been looked at and written. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** What the agents of an organization look for in their logs, because of its rules. */
  eventWatches(place: { partnerId: string; organizationId: string }): EventWatch[] {
    return this.#plans
      .within('event_log', place)
      .map(({ id, condition: { log, program, text, min_level: minLevel } }) => ({
        id,
        ...(log !== undefined && { log }),
        ...(program !== undefined && { program }),
        ...(text !== undefined && { text }),
        ...(minLevel !== undefined && { minLevel }),
      }))
  }

  get statistics() {
    return { watched: this.#book.size, devices: this.#directory.size, waiting: this.#inbox.length }
  }

  #now(): number {
    return this.#options.environment.now().getTime()
  }

  #take(input: Input): void {
    if (this.#inbox.length >= MOST_WAITING) {
      // Nothing is marked as looked at meanwhile: the next start takes it from what is stored.
      this.#flushing.isBehind = true
      this.#inbox.shift()
    }
    this.#inbox.push(input)
    if (this.#isReady) this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  async #run(): Promise<void> {
    while (this.#inbox.length > 0) {
      const inputs = this.#inbox
      this.#inbox = []
      for (const input of inputs) {
        await this.#look(input).catch((error: unknown) =>
          this.#options.log.error({ err: error, input: input.kind }, 'what was reported could not be looked at'),
        )
      }
      const isWritten = await this.#flushing.flush()
      const now = this.#now()
      if (isWritten) for (const { kind, at } of inputs) if (kind === 'samples') this.lag.took(now - at)
      // The next tick tries again.
      if (!isWritten) return
    }
  }

  async #look(input: Input): Promise<void> {
    switch (input.kind) {
      case 'samples':
        return this.#evaluation.samples(input.reports)
      case 'turns':
        return this.#rounds.turned(input.turns)
      case 'changes':
        return this.#evaluation.changes(input.changes)
      case 'logged':
        return this.#evaluation.logged(input.batch)
      case 'work':
        return input.work()
    }
  }

  async #readRules(): Promise<Plans> {
    const { db, log } = this.#options
    const unreadable = (rule: string, error: unknown) => log.warn({ rule, err: error }, 'a rule can not be understood')
    this.#plans = new Plans(await db.worker((tx) => readRules(tx, unreadable)))
    this.#options.rulesChanged?.()
    return this.#plans
  }

  /** Whether anybody needs to be told of a new alert, or another one stands for it. */
  #opened(watched: Watched): void {
    const { alert, place, rule } = watched
    if (alert === null) return
    if (place.deviceId === null) {
      if (rule.signal === 'site_offline') this.#sites.opened(watched)
      if (rule.signal === 'burst') this.#bursts.reopened(watched)
      return
    }
    const device = this.#directory.get(place.deviceId)
    const parent = rule.signal === 'device_offline' ? this.#sites.parentOf(place.deviceId, place.siteId) : null
    if (device && this.#options.maintenance.covers(device, new Date(alert.openedAt)))
      watched.suppress('maintenance', null, alert.openedAt)
    else if (parent !== null) watched.suppress('parent', parent, alert.openedAt)
    else if (alert.suppressed === null) this.#bursts.opened(watched, this.#now())
  }
}
