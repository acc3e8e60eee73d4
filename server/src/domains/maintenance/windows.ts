/** When a maintenance window is open: once, or again each week or month, by the wall clock of its place. */
import { z } from 'zod'
import { type DeviceScope, inScope, type ScopedDevice } from '../devices/scope.ts'
import {
  dateOf,
  dayNumber,
  daysInMonth,
  instantOf,
  isTimeZone,
  type WallDate,
  wallTime,
  weekday,
} from './wall-clock.ts'

export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM')

export const recurrence = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('once'), date: z.iso.date(), time: clock }).strict(),
  z.object({ kind: z.literal('weekly'), days: z.array(z.enum(WEEKDAYS)).min(1).max(7), time: clock }).strict(),
  /** `day` 31 in a shorter month is its last. Or the nth weekday; -1 is the last one. */
  z
    .object({
      kind: z.literal('monthly'),
      day: z.number().int().min(1).max(31).optional(),
      week: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(-1)]).optional(),
      weekday: z.enum(WEEKDAYS).optional(),
      time: clock,
    })
    .strict()
    .refine(
      ({ day, week, weekday }) => (day === undefined) === (week !== undefined && weekday !== undefined),
      'monthly: give day, or week and weekday',
    ),
])
export type Recurrence = z.output<typeof recurrence>
export const timeZone = z.string().min(1).max(64).refine(isTimeZone, 'must be an IANA time zone, such as Europe/Berlin')

export interface Window {
  id: string
  partnerId: string
  /** Null: every organization of the partner. */
  organizationId: string | null
  name: string
  scope: DeviceScope
  recurrence: Recurrence
  timeZone: string
  durationMinutes: number
}

export interface Opening {
  from: Date
  until: Date
}

/** The opening that holds at this time: from its begin, up to and without its end. */
export function openingAt(window: Window, at: Date): Opening | null {
  const lengthDays = Math.ceil(window.durationMinutes / 1440) + 1
  const today = dayNumber(wallTime(at, window.timeZone))
  for (let back = 0; back <= lengthDays; back += 1) {
    const opening = openingOn(window, dateOf(today - back))
    if (opening && opening.from <= at && at < opening.until) return opening
  }
  return null
}

/** The next one that begins after this time; null when there is none within thirteen months. */
export function nextOpening(window: Window, after: Date): Opening | null {
  const today = dayNumber(wallTime(after, window.timeZone))
  for (let ahead = -1; ahead <= 400; ahead += 1) {
    const opening = openingOn(window, dateOf(today + ahead))
    if (opening && opening.from > after) return opening
  }
  return null
}

export const isFor = (window: Window, device: ScopedDevice & { partnerId: string }): boolean =>
  window.partnerId === device.partnerId &&
  (window.organizationId === null || window.organizationId === device.organizationId) &&
  inScope(window.scope, device)

function openingOn(window: Window, date: WallDate): Opening | null {
  if (!beginsOn(window.recurrence, date)) return null
  const [hour = 0, minute = 0] = window.recurrence.time.split(':').map(Number)
  const from = instantOf({ ...date, hour, minute }, window.timeZone)
  return { from, until: new Date(from.getTime() + window.durationMinutes * 60_000) }
}

function beginsOn(when: Recurrence, date: WallDate): boolean {
  switch (when.kind) {
    case 'once':
      return Date.parse(when.date) === dayNumber(date) * 86_400_000
    case 'weekly':
      return when.days.some((day) => WEEKDAYS.indexOf(day) === weekday(date))
    case 'monthly': {
      const last = daysInMonth(date)
      if (when.day !== undefined) return date.day === Math.min(when.day, last)
      if (when.weekday === undefined || WEEKDAYS.indexOf(when.weekday) !== weekday(date)) return false
      return when.week === -1 ? date.day + 7 > last : Math.ceil(date.day / 7) === when.week
    }
  }
}
