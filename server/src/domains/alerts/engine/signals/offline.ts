/** Devices that are not there: silence, a return that is overdue, and with them the alerts that can't be seen meanwhile. */
import { isServerLike } from '../../../devices/scope.ts'
import type { WatchedDevice } from '../../../devices/watched-devices.ts'
import type { RuleOf } from '../../rule-rows.ts'
import type { Book } from '../book.ts'
import { duration } from '../describe.ts'
import { over, type Place, there } from '../observation.ts'
import type { Plan } from '../plans.ts'

const DAY_MS = 86_400_000

export const placeOf = (device: WatchedDevice): Place => ({
  deviceId: device.id,
  organizationId: device.organizationId,
  siteId: device.siteId,
})

/** It is away, and not because it said so. */
export const isLost = (device: WatchedDevice): boolean =>
  device.status === 'offline' && (device.expected === null || (device.overdue && isServerLike(device.role)))

/** As the device's row says; what it says again changes nothing. */
export function evaluatePresence(book: Book, plan: Plan, device: WatchedDevice, now: number): void {
  if (device.status === 'pending') return
  const place = placeOf(device)
  for (const rule of plan.of('device_offline')) {
    if (device.status === 'online') book.observe(rule, place, '', over(turnedAt(device, now)))
    else if (isLost(device) || isLongAbsence(rule)) {
      const known = book.find(rule, place, '')
      // Known and not fresher: since when it is away stays as it was.
      const at = known ? Math.max(known.observedAt, awaySince(device, now)) : awaySince(device, now)
      book.observe(
        rule,
        place,
        '',
        there(at, rule.severity, () => describeAbsence(rule, device)),
      )
      const watched = book.find(rule, place, '')
      if (watched) book.change(watched, now, () => watched.elapse(now))
    }
  }
  if (device.status === 'offline') inhibit(book, plan, device, now)
}

/** Nothing else of it can be seen: that is neither recovery, nor worth a second word. */
function inhibit(book: Book, plan: Plan, device: WatchedDevice, now: number): void {
  const place = placeOf(device)
  const at = turnedAt(device, now)
  for (const watched of book.of(place)?.values() ?? []) {
    if (watched.rule.signal === 'device_offline' || plan.has(watched.rule.id, 'device_offline')) continue
    book.change(watched, at, () => watched.silence(Math.max(at, watched.observedAt), 'device_offline'))
  }
}

/** A week is a week, whatever the device said when it went. */
const isLongAbsence = (rule: RuleOf<'device_offline'>): boolean => rule.fireAfterMs >= DAY_MS

const turnedAt = (device: WatchedDevice, now: number): number => Math.min(device.statusChangedAt?.getTime() ?? now, now)

/** Since it was last heard; where nobody listened, since it could have been. */
function awaySince(device: WatchedDevice, now: number): number {
  const turned = turnedAt(device, now)
  if (!device.observed) return turned
  return Math.min(device.lastSeenAt?.getTime() ?? turned, turned)
}

function describeAbsence(rule: RuleOf<'device_offline'>, device: WatchedDevice) {
  const { expected, expectedBackAt, lastSeenAt, overdue } = device
  const back = overdue && expectedBackAt !== null
  return {
    title: back
      ? `Offline: it did not come back after a ${expected ?? 'restart'}`
      : `Offline for more than ${duration(Math.max(rule.fireAfterMs, 60_000))}`,
    detail: {
      last_seen_at: lastSeenAt?.toISOString() ?? null,
      ...(back && { expected_back_at: expectedBackAt.toISOString() }),
    },
  }
}
