/** What happens rather than holds: entries of event logs, software that appeared. Quiet for long enough, and it is over. */
import { FAILED_SIGN_INS } from '@breeze/contract/agent-events'
import type { Tx } from '../../../../kernel/db.ts'
import type { SectionChange } from '../../../devices/section-changes.ts'
import type { WatchedDevice } from '../../../devices/watched-devices.ts'
import { type EventCount, countEvents } from '../../../event-logs/counts.ts'
import type { LoggedEvent, LoggedEvents } from '../../../event-logs/service.ts'
import type { RuleOf } from '../../rule-rows.ts'
import { matcher, type Signal } from '../../rules.ts'
import type { Book } from '../book.ts'
import { counted, instanceName, named, words } from '../describe.ts'
import type { Observation } from '../observation.ts'
import type { Plan } from '../plans.ts'
import { placeOf } from './offline.ts'

const MINUTE_MS = 60_000
const MOST_LINES = 5

const EVENT_SIGNALS: ReadonlySet<Signal> = new Set(['event_log', 'failed_sign_ins', 'software_installed'])
/** Of these, a person's word that it is done is the end of it. */
const ONCE_SIGNALS: ReadonlySet<Signal> = new Set([...EVENT_SIGNALS, 'new_local_admin'])
export const isEventSignal = (signal: Signal): boolean => EVENT_SIGNALS.has(signal)
export const happensOnce = (signal: Signal): boolean => ONCE_SIGNALS.has(signal)

type EventRule = RuleOf<'event_log'> | RuleOf<'failed_sign_ins'>

/** Rules that a batch of entries may fulfil, with the latest of their entries. */
export interface Candidate {
  device: WatchedDevice
  rule: EventRule
  entries: readonly LoggedEvent[]
}

export function candidates(plan: Plan, device: WatchedDevice, { entries }: LoggedEvents): Candidate[] {
  const rules = [
    ...plan.of('failed_sign_ins').map((rule) => ({ rule, watchId: FAILED_SIGN_INS })),
    ...plan.of('event_log').map((rule) => ({ rule, watchId: rule.id })),
  ]
  return rules.flatMap(({ rule, watchId }) => {
    const own = entries.filter((entry) => entry.watchId === watchId).toSorted((a, b) => a.at.getTime() - b.at.getTime())
    return moments(own).map((those) => ({ device, rule, entries: those }))
  })
}

/** Of a device that tells of hours, the entry that fulfilled a rule dates the alert, not the last one. */
function moments(entries: readonly LoggedEvent[]): (readonly LoggedEvent[])[] {
  const [first, last] = [entries[0], entries.at(-1)]
  if (!first || !last) return []
  return last.at.getTime() - first.at.getTime() < MINUTE_MS ? [entries] : entries.map((entry) => [entry])
}

/** How many of its entries lie within each rule's time, the ones stored before among them. */
export function countCandidates(tx: Tx, all: readonly Candidate[]): Promise<number[]> {
  return countEvents(
    tx,
    all.map(({ device, rule, entries }): EventCount => {
      const until = entries.at(-1)?.at ?? new Date(0)
      const since = new Date(until.getTime() - rule.condition.within_minutes * MINUTE_MS)
      return { deviceId: device.id, watchId: rule.signal === 'event_log' ? rule.id : FAILED_SIGN_INS, since, until }
    }),
  )
}

export function evaluateEvents(book: Book, { device, rule, entries }: Candidate, count: number): void {
  const latest = entries.at(-1)
  if (!latest) return
  const known = book.find(rule, placeOf(device), '')
  const isMet = count >= rule.condition.count
  // What began with many goes on with few.
  if (!isMet && !known?.alert) return
  const fresh = entries.reduce((sum, entry) => sum + entry.count, 0)
  const seen: Observation = {
    at: Math.max(latest.at.getTime(), known?.observedAt ?? 0),
    fires: rule.severity,
    holds: rule.severity,
    value: count,
    describe: () => ({
      title: eventTitle(rule, count),
      detail: eventDetail(rule, entries, count),
    }),
    count: known?.alert ? fresh : count,
  }
  book.observe(rule, placeOf(device), '', seen)
}

function eventTitle(rule: EventRule, count: number): string {
  if (rule.signal === 'event_log') return rule.name
  return `${counted(count, 'failed sign-in')} within ${counted(rule.condition.within_minutes, 'minute')}`
}

function eventDetail(rule: EventRule, entries: readonly LoggedEvent[], count: number): Record<string, unknown> {
  const users = [...new Set(entries.flatMap((entry) => entry.user ?? []))].slice(0, MOST_LINES)
  const addresses = [...new Set(entries.flatMap((entry) => entry.address ?? []))].slice(0, MOST_LINES)
  return {
    value: count,
    threshold: rule.condition.count,
    unit: 'entries',
    within_minutes: rule.condition.within_minutes,
    device_text: {
      log_lines: entries.slice(-MOST_LINES).map(({ at, program, text }) => ({
        at: at.toISOString(),
        ...(program !== null && { program: words(program, 100) }),
        text: words(text, 500),
      })),
      ...(users.length > 0 && { users: users.map((user) => words(user, 128)) }),
      ...(addresses.length > 0 && { addresses: addresses.map((address) => words(address, 80)) }),
    },
  }
}

export function evaluateSoftware(
  book: Book,
  plan: Plan,
  device: WatchedDevice,
  change: SectionChange,
  now: number,
): void {
  for (const rule of plan.of('software_installed')) {
    const isWatched = matcher(rule.condition.names)
    for (const { name, version } of change.software?.added ?? []) {
      if (!isWatched(name)) continue
      const instance = instanceName(name)
      const at = Math.max(now, book.find(rule, placeOf(device), instance)?.observedAt ?? 0)
      book.observe(rule, placeOf(device), instance, {
        at,
        fires: rule.severity,
        holds: rule.severity,
        value: null,
        count: 1,
        describe: () => ({
          title: `${named(instance, 'Watched software')} was installed`,
          detail: {
            device_text: {
              name: words(name),
              version: words(version, 200),
            },
          },
        }),
      })
    }
  }
}
