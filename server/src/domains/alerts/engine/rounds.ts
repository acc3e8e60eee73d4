/** What time alone brings: conditions that held long enough, values that nobody sends any more, windows that end. */
import type { Logger } from 'pino'
import type { Db } from '../../../kernel/db.ts'
import type { Environment } from '../../../kernel/context.ts'
import type { PresenceTurn } from '../../devices/presence-turns.ts'
import { readSectionsOf } from '../../devices/watched-devices.ts'
import type { Maintenance } from '../../maintenance/service.ts'
import { samplesSince } from '../../metrics/since.ts'
import { type Rule, rulesVersion } from '../rule-rows.ts'
import type { Book } from './book.ts'
import type { Bursts } from './bursts.ts'
import type { Directory } from './directory.ts'
import type { Evaluation } from './evaluation.ts'
import type { Flushing } from './flushing.ts'
import { over } from './observation.ts'
import type { Plans } from './plans.ts'
import { DERIVED_SIGNALS, type DerivedSignal, isDerivedSignal } from './signals/derived.ts'
import { isEventSignal } from './signals/events.ts'
import { FACT_SIGNALS, FACT_SOURCES, type FactSignal, isFactSignal } from './signals/facts.ts'
import { METRIC_GAP_MS } from './signals/metric.ts'
import type { Sites } from './sites.ts'
import { expireAcknowledgements, readClosedByPeople, readEvaluated } from './stored.ts'
import type { Surfacing } from './surfacing.ts'
import { Sweep } from './sweep.ts'
import type { Watched } from './watched.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** What a killed server may have stored and not looked at lies behind the last mark by at most so much. */
const LOOK_BACK_MS = 2 * MINUTE
/** Nothing older is looked at again. */
const MOST_LOOK_BACK_MS = 6 * HOUR
const PAGE = 500
/** Of what is worked out from many rows for each device. */
const DERIVED_PAGE = 100
/** A device that is back tells what changed before its old facts count again. */
const RETURN_MS = MINUTE
/** What happens is over once it has not happened for so long, or for the time within which its rule counts. */
const QUIET_MS = 5 * MINUTE
/** Trends move by days. */
const DERIVED_EVERY_MS = 3 * HOUR
/** Facts that change by the passing of time. */
const TIMELY: readonly FactSignal[] = ['certificate_expiring', 'patch_failed', 'os_support']
/** Whether it is looked at again when its device is back, or its rule is another. */
const isLookedAtAgain = ({ rule: { signal } }: Watched): boolean => isFactSignal(signal) || isDerivedSignal(signal)

export interface RoundsOptions {
  db: Db
  environment: Environment
  log: Pick<Logger, 'error'>
  book: Book
  directory: Directory
  evaluation: Evaluation
  flushing: Flushing
  surfacing: Surfacing
  sites: Sites
  bursts: Bursts
  maintenance: Maintenance
  plans(): Plans
  readRules(): Promise<Plans>
}

export class Rounds {
  readonly #options: RoundsOptions
  readonly #doneAt = new Map<string, number>()
  /** Devices that came back: when their stored facts count again. */
  readonly #returned = new Map<string, number>()
  readonly #facts: Sweep<FactSignal>
  readonly #derived: Sweep<DerivedSignal>
  #startedAt = 0
  #rulesVersion = ''
  #peopleSince = new Date(0)

  constructor(options: RoundsOptions) {
    this.#options = options
    this.#facts = new Sweep(PAGE, (signals, ids) => this.#lookAtFacts(signals, ids))
    this.#derived = new Sweep(DERIVED_PAGE, (signals, ids) => options.evaluation.derived(signals, ids))
  }

  async start(): Promise<void> {
    const { db, directory, evaluation, book, environment, maintenance } = this.#options
    const now = environment.now()
    this.#startedAt = now.getTime()
    this.#peopleSince = new Date(now.getTime() - HOUR)
    this.#rulesVersion = await db.worker(rulesVersion)
    for (const name of ['directory', 'rules', 'timely', 'derived']) this.#doneAt.set(name, now.getTime())
    const evaluated = await db.worker(readEvaluated)
    const since = new Date(Math.max((evaluated ?? now).getTime() - LOOK_BACK_MS, now.getTime() - MOST_LOOK_BACK_MS))
    const ids = [...directory.all()].map((device) => device.id).toSorted()
    for (let start = 0; start < ids.length; start += PAGE) {
      const page = ids.slice(start, start + PAGE)
      await evaluation.samples(await db.worker((tx) => samplesSince(tx, since, page)))
      await this.#lookAtFacts(FACT_SIGNALS, page, since)
    }
    for (const device of directory.all()) evaluation.presence(device)
    // What waits for its time must be known again in full before that comes.
    await this.#lookAgain(new Set(this.#devicesWith(isLookedAtAgain)))
    this.#derived.soon(DERIVED_SIGNALS, ids)
    maintenance.mark(directory.all())
    for (const watched of book.all()) this.#closeIfUnwatched(watched, now.getTime())
  }

  async turned(turns: readonly PresenceTurn[]): Promise<void> {
    const { directory, evaluation, sites, environment } = this.#options
    const now = environment.now().getTime()
    const ids = [...new Set(turns.map((turn) => turn.deviceId))]
    await directory.look(ids)
    const devices = ids.flatMap((id) => directory.get(id) ?? [])
    sites.turned(devices, now)
    for (const device of devices) {
      evaluation.presence(device)
      if (device.status === 'online') this.#returned.set(device.id, now + RETURN_MS)
      else this.#returned.delete(device.id)
    }
  }

  async tick(): Promise<void> {
    const { db, environment, sites, bursts, surfacing, book } = this.#options
    const now = environment.now().getTime()
    if (this.#isDue('people', 5 * SECOND, now)) await this.#lookAtPeople()
    if (this.#isDue('rules', 10 * SECOND, now)) await this.#lookAtRules(now)
    if (this.#isDue('directory', MINUTE, now)) await this.#lookAtDevices(now)
    if (this.#isDue('timely', HOUR, now)) this.#facts.soon(TIMELY, this.#online())
    if (this.#isDue('derived', DERIVED_EVERY_MS, now)) this.#derived.soon(DERIVED_SIGNALS, this.#online())
    for (const watched of book.all()) this.#elapse(watched, now)
    await this.#welcome(now)
    if (this.#isDue('storms', 10 * SECOND, now)) {
      sites.tick(now)
      bursts.tick(now)
      surfacing.tick(now)
      book.forget(now)
    }
    if (this.#isDue('acknowledgements', 30 * SECOND, now))
      await db.worker((tx) => expireAcknowledgements(tx, new Date(now)))
    await this.#facts.on()
    await this.#derived.on()
  }

  /** Of the others nothing new can be seen: their alerts stay as they are until they are back. */
  #online(): string[] {
    return [...this.#options.directory.all()].filter(({ status }) => status === 'online').map(({ id }) => id)
  }

  #isDue(name: string, everyMs: number, now: number): boolean {
    const before = this.#doneAt.get(name)
    // A clock that was set back must not hold anything up.
    if (before !== undefined && now >= before && now - before < everyMs) return false
    this.#doneAt.set(name, now)
    return true
  }

  #elapse(watched: Watched, now: number): void {
    const { book, directory } = this.#options
    const { rule, place, alert } = watched
    const seenAt = Math.max(watched.observedAt, this.#startedAt)
    if (rule.signal === 'metric') {
      if (now - seenAt <= METRIC_GAP_MS) return
      if (alert === null) book.change(watched, now, () => watched.close(now, 'no data'))
      else if (alert.state !== 'no_data') book.change(watched, now, () => watched.silence(now))
      return
    }
    const device = place.deviceId === null ? undefined : directory.get(place.deviceId)
    // What can't be seen at present neither begins nor ends by time.
    if (rule.signal !== 'device_offline' && device && device.status !== 'online') return
    if (isEventSignal(rule.signal) && alert?.state === 'firing' && now - watched.observedAt >= quietMs(rule))
      book.change(watched, now, () => watched.observe(over(now, watched.value)))
    if (this.#returned.has(place.deviceId ?? '') && isLookedAtAgain(watched)) return
    book.change(watched, now, () => watched.elapse(now))
  }

  async #lookAtPeople(): Promise<void> {
    const { db, book, flushing, environment } = this.#options
    const now = environment.now()
    const closed = await db.worker((tx) => readClosedByPeople(tx, this.#peopleSince))
    // Acts that were under way at the last look carry an earlier time than their commit.
    this.#peopleSince = new Date(now.getTime() - MINUTE)
    if (closed.length === 0) return
    const at = new Map(closed.map((one) => [one.id, one.resolved_at.getTime()]))
    for (const watched of book.all()) {
      const closedAt = at.get(watched.alert?.id ?? '')
      if (closedAt !== undefined) flushing.closedByPerson(watched, closedAt)
    }
  }

  async #lookAtRules(now: number): Promise<void> {
    const { db, book, readRules, plans } = this.#options
    const version = await db.worker(rulesVersion)
    if (version === this.#rulesVersion) return
    this.#rulesVersion = version
    const before = plans().rules
    const { rules } = await readRules()
    for (const watched of book.all()) {
      watched.rule = rules.get(watched.rule.id) ?? watched.rule
      this.#closeIfUnwatched(watched, now)
    }
    const changed = [...rules.values()].filter((rule) => before.get(rule.id)?.version !== rule.version)
    const isChanged = (signal: string): boolean => changed.some((rule) => rule.signal === signal)
    const ids = [...this.#options.directory.all()].map(({ id }) => id)
    this.#facts.soon(FACT_SIGNALS.filter(isChanged), ids)
    this.#derived.soon(DERIVED_SIGNALS.filter(isChanged), ids)
  }

  /** Its rule is gone or is about other devices now, or the device is gone. */
  #closeIfUnwatched(watched: Watched, now: number): void {
    const { book, directory, plans, evaluation } = this.#options
    const { place, rule } = watched
    const device = place.deviceId === null ? undefined : directory.get(place.deviceId)
    const reason = !plans().rules.has(rule.id)
      ? 'the rule is gone'
      : place.deviceId === null
        ? null
        : !device
          ? 'the device is gone'
          : evaluation.planOf(device).has(rule.id, rule.signal)
            ? null
            : 'the rule is not about this device any more'
    if (reason !== null) book.change(watched, now, () => watched.close(Math.max(now, watched.observedAt), reason))
  }

  async #lookAtDevices(now: number): Promise<void> {
    const { directory, evaluation, book, maintenance } = this.#options
    const plans = new Map([...directory.all()].map((device) => [device.id, evaluation.planOf(device)]))
    await directory.refresh(namedGroups(this.#options.plans(), maintenance))
    // Rules that watch a device only since it has this role, tag or group did not see what it told before.
    const others = [...directory.all()].filter((device) => plans.get(device.id) !== evaluation.planOf(device))
    await this.#lookAgain(new Set(others.filter(({ id }) => plans.has(id)).map(({ id }) => id)))
    for (const watched of book.all()) this.#closeIfUnwatched(watched, now)
    for (const device of directory.all()) {
      evaluation.clock(device)
      // Turns come first by themselves: a site that goes dark is seen whole.
      if (now - (device.statusChangedAt?.getTime() ?? now) > 2 * MINUTE) evaluation.presence(device)
    }
    maintenance.mark(directory.all())
  }

  /** Devices that are back, and have told what changed: what is stored of them counts again. */
  async #welcome(now: number): Promise<void> {
    const due = [...this.#returned].filter(([, at]) => at <= now).map(([id]) => id)
    if (due.length === 0) return
    for (const id of due) this.#returned.delete(id)
    const waiting = new Set(this.#devicesWith(isLookedAtAgain))
    await this.#lookAgain(new Set(due.filter((id) => waiting.has(id))))
  }

  #devicesWith(which: (watched: Watched) => boolean): string[] {
    return [...this.#options.book.all()].filter(which).flatMap((watched) => watched.place.deviceId ?? [])
  }

  async #lookAgain(deviceIds: ReadonlySet<string>): Promise<void> {
    const ids = [...deviceIds]
    for (let start = 0; start < ids.length; start += PAGE)
      await this.#lookAtFacts(FACT_SIGNALS, ids.slice(start, start + PAGE))
    for (let start = 0; start < ids.length; start += DERIVED_PAGE)
      await this.#options.evaluation.derived(DERIVED_SIGNALS, ids.slice(start, start + DERIVED_PAGE))
  }

  async #lookAtFacts(
    signals: readonly FactSignal[],
    deviceIds: readonly string[],
    since: Date | null = null,
  ): Promise<void> {
    const { db, evaluation } = this.#options
    const sections = [...new Set(signals.map((signal) => FACT_SOURCES[signal].section))]
    await evaluation.sections(await db.worker((tx) => readSectionsOf(tx, sections, deviceIds, since)), signals)
  }
}

const quietMs = ({ condition }: Rule): number =>
  'within_minutes' in condition ? Math.max(QUIET_MS, condition.within_minutes * MINUTE) : QUIET_MS

/** Groups that a rule or a window names: who is in them is looked up with the devices. */
export const namedGroups = (plans: Plans, maintenance: Maintenance): string[] => [
  ...new Set([...plans.rules.values()].flatMap((rule) => rule.scope.groups ?? []).concat(maintenance.groups)),
]
