/** Between the clock on a wall somewhere and the instants of UTC, by the time zone data of the runtime. */

export interface WallDate {
  year: number
  /** From 1. */
  month: number
  day: number
}
export interface WallTime extends WallDate {
  hour: number
  minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-US-u-ca-iso8601', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(timeZone, made)
  return made
}

export function isTimeZone(name: string): boolean {
  try {
    formatOf(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

export function wallTime(at: Date, timeZone: string): WallTime {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const of = (part: Intl.DateTimeFormatPartTypes): number => parts.get(part) ?? 0
  return { year: of('year'), month: of('month'), day: of('day'), hour: of('hour'), minute: of('minute') }
}

const asUtc = ({ year, month, day, hour, minute }: WallTime): number => Date.UTC(year, month - 1, day, hour, minute)

/**
 * When the wall clock shows this. A time that is passed over in spring is as much later as the clock jumps; one that comes
 * twice in autumn is the first.
 */
export function instantOf(wall: WallTime, timeZone: string): Date {
  const guess = asUtc(wall)
  const offsets = [guess - DAY_MS, guess + DAY_MS].map((at) => offsetAt(at, timeZone))
  // The larger offset is the earlier instant.
  const candidates = offsets.sort((a, b) => b - a).map((offset) => guess - offset)
  const exact = candidates.find((at) => at + offsetAt(at, timeZone) === guess)
  // In the gap, the offset before it holds: what was 02:30 by the old reckoning.
  return new Date(exact ?? Math.max(...candidates))
}
const DAY_MS = 86_400_000

function offsetAt(at: number, timeZone: string): number {
  const minute = Math.floor(at / 60_000) * 60_000
  return asUtc(wallTime(new Date(minute), timeZone)) - minute
}

/** Dates as numbers of days, so that they can be counted on. */
export const dayNumber = ({ year, month, day }: WallDate): number => Date.UTC(year, month - 1, day) / DAY_MS
export function dateOf(number: number): WallDate {
  const date = new Date(number * DAY_MS)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}
/** 0 Sunday … 6 Saturday. */
export const weekday = (date: WallDate): number => new Date(dayNumber(date) * DAY_MS).getUTCDay()
export const daysInMonth = ({ year, month }: Pick<WallDate, 'year' | 'month'>): number =>
  new Date(Date.UTC(year, month, 0)).getUTCDate()
