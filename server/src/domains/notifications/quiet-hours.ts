/** When only critical alerts are told. */
import { z } from 'zod'

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 22:00')
export const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export const quietHours = z.object({
  time_zone: z.string().max(60).refine(isTimeZone, 'must be a time zone such as Europe/Berlin'),
  from: clock,
  to: clock.describe('Earlier than from: the next day.'),
  days: z.array(z.number().int().min(0).max(6)).min(1).max(7).optional().describe('On which it begins; 0 is Sunday.'),
})
export type QuietHours = z.output<typeof quietHours>

const DAY = 1440

/** The end of the quiet hours that `at` falls into; null outside of them. */
export function quietUntil(quiet: QuietHours, at: Date): Date | null {
  const { weekday, minute } = localTime(quiet.time_zone, at)
  const [from, to] = [minuteOf(quiet.from), minuteOf(quiet.to)]
  const sinceBegin = (minute - from + DAY) % DAY
  const length = (to - from + DAY) % DAY || DAY
  if (sinceBegin >= length) return null
  const beganOn = minute >= from ? weekday : (weekday + 6) % 7
  if (quiet.days && !quiet.days.includes(beganOn)) return null
  const end = at.getTime() + (length - sinceBegin) * 60_000
  return new Date(end - (end % 60_000))
}

const minuteOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const formats = new Map<string, Intl.DateTimeFormat>()

function localTime(timeZone: string, at: Date): { weekday: number; minute: number } {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  formats.set(timeZone, format)
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return {
    weekday: WEEKDAYS.indexOf(parts['weekday'] ?? ''),
    minute: Number(parts['hour']) * 60 + Number(parts['minute']),
  }
}
