import { describe, expect, it } from 'vitest'
import { instantOf } from './wall-clock.ts'
import { isFor, nextOpening, openingAt, recurrence, type Recurrence, timeZone, type Window } from './windows.ts'

const window = (when: Recurrence, zone = 'Europe/Berlin', durationMinutes = 120): Window => ({
  id: 'w',
  partnerId: 'p',
  organizationId: null,
  name: 'Night',
  scope: {},
  timeZone: zone,
  recurrence: when,
  durationMinutes,
})
const at = (iso: string): Date => new Date(iso)
const opening = (of: Window, iso: string): string | undefined => openingAt(of, at(iso))?.from.toISOString()

describe('a window', () => {
  it('is open from its begin up to its end, once', () => {
    const once = window({ kind: 'once', date: '2027-03-01', time: '22:00' })
    expect(opening(once, '2027-03-01T20:59:59Z')).toBeUndefined()
    expect(opening(once, '2027-03-01T21:00:00Z')).toBe('2027-03-01T21:00:00.000Z')
    expect(opening(once, '2027-03-01T22:59:59Z')).toBe('2027-03-01T21:00:00.000Z')
    expect(opening(once, '2027-03-01T23:00:00Z')).toBeUndefined()
    expect(nextOpening(once, at('2027-03-02T00:00:00Z'))).toBeNull()
  })

  it('begins by the clock on the wall, in summer as in winter', () => {
    const sundays = window({ kind: 'weekly', days: ['sunday'], time: '22:00' })
    expect(nextOpening(sundays, at('2027-01-01T00:00:00Z'))?.from.toISOString()).toBe('2027-01-03T21:00:00.000Z')
    expect(nextOpening(sundays, at('2027-07-01T00:00:00Z'))?.from.toISOString()).toBe('2027-07-04T20:00:00.000Z')
  })

  it('is found after midnight, on the day after it began', () => {
    const late = window({ kind: 'weekly', days: ['friday'], time: '23:30' }, 'America/New_York', 180)
    // Friday 23:30 in New York is Saturday 04:30 UTC.
    expect(opening(late, '2027-01-02T06:00:00Z')).toBe('2027-01-02T04:30:00.000Z')
    expect(opening(late, '2027-01-02T07:30:00Z')).toBeUndefined()
  })

  it('begins as much later as the clock jumps, where its time is passed over', () => {
    const nights = window({ kind: 'weekly', days: ['sunday'], time: '02:30' })
    expect(opening(nights, '2027-03-28T01:30:00Z')).toBe('2027-03-28T01:30:00.000Z')
    expect(opening(nights, '2027-03-28T01:29:00Z')).toBeUndefined()
  })

  it('begins at the first of two times that the wall clock shows alike, and lasts as long as ever', () => {
    const nights = window({ kind: 'weekly', days: ['sunday'], time: '02:30' })
    const found = openingAt(nights, at('2027-10-31T01:00:00Z'))
    expect(found?.from.toISOString()).toBe('2027-10-31T00:30:00.000Z')
    expect(found?.until.toISOString()).toBe('2027-10-31T02:30:00.000Z')
  })

  it('falls on the last day where a month is too short', () => {
    const monthEnd = window({ kind: 'monthly', day: 31, time: '01:00' }, 'UTC')
    expect(nextOpening(monthEnd, at('2027-02-01T00:00:00Z'))?.from.toISOString()).toBe('2027-02-28T01:00:00.000Z')
    expect(nextOpening(monthEnd, at('2028-02-01T00:00:00Z'))?.from.toISOString()).toBe('2028-02-29T01:00:00.000Z')
  })

  it('falls on the second Tuesday, or on the last Sunday', () => {
    const patch = window({ kind: 'monthly', week: 2, weekday: 'tuesday', time: '03:00' }, 'UTC')
    expect(nextOpening(patch, at('2027-06-01T04:00:00Z'))?.from.toISOString()).toBe('2027-06-08T03:00:00.000Z')
    const last = window({ kind: 'monthly', week: -1, weekday: 'sunday', time: '03:00' }, 'UTC')
    expect(nextOpening(last, at('2027-05-01T00:00:00Z'))?.from.toISOString()).toBe('2027-05-30T03:00:00.000Z')
  })

  it('is for the devices of its scope, of its partner and its organization', () => {
    const device = {
      id: 'd',
      partnerId: 'p',
      organizationId: 'o',
      siteId: 's',
      role: 'server' as const,
      platform: 'linux' as const,
      tags: ['db'],
      groups: [],
    }
    const mine = { ...window({ kind: 'once', date: '2027-03-01', time: '22:00' }), organizationId: 'o' }
    expect(isFor({ ...mine, scope: { roles: ['server'], tags: ['web', 'db'] } }, device)).toBe(true)
    expect(isFor({ ...mine, scope: { roles: ['workstation'] } }, device)).toBe(false)
    expect(isFor({ ...mine, organizationId: 'other' }, device)).toBe(false)
    expect(isFor({ ...mine, partnerId: 'other' }, device)).toBe(false)
  })
})

describe('what people write', () => {
  it('is a time zone that exists and a rule that says a day', () => {
    expect(timeZone.safeParse('Mars/Olympus').success).toBe(false)
    expect(recurrence.safeParse({ kind: 'monthly', time: '03:00' }).success).toBe(false)
    expect(recurrence.safeParse({ kind: 'monthly', day: 3, week: 1, weekday: 'monday', time: '03:00' }).success).toBe(
      false,
    )
    expect(recurrence.safeParse({ kind: 'weekly', days: ['monday'], time: '25:00' }).success).toBe(false)
  })
})

it('puts wall clocks of half-hour zones where they belong', () => {
  const wall = { year: 2027, month: 7, day: 1, hour: 12, minute: 0 }
  expect(instantOf(wall, 'Asia/Kathmandu').toISOString()).toBe('2027-07-01T06:15:00.000Z')
  expect(instantOf(wall, 'Australia/Lord_Howe').toISOString()).toBe('2027-07-01T01:30:00.000Z')
})
