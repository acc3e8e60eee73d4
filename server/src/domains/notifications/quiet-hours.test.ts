import { describe, expect, it } from 'vitest'
import { quietHours, quietUntil } from './quiet-hours.ts'

const night = { time_zone: 'Europe/Berlin', from: '22:00', to: '07:00' }
const until = (quiet: Parameters<typeof quietUntil>[0], at: string) => quietUntil(quiet, new Date(at))?.toISOString()

describe('quiet hours', () => {
  it.each([
    ['2026-11-25T20:59:00Z', undefined],
    ['2026-11-25T21:00:00Z', '2026-11-26T06:00:00.000Z'],
    ['2026-11-26T02:13:27Z', '2026-11-26T06:00:00.000Z'],
    ['2026-11-26T05:59:59Z', '2026-11-26T06:00:00.000Z'],
    ['2026-11-26T06:00:00Z', undefined],
    ['2026-07-01T20:30:00Z', '2026-07-02T05:00:00.000Z'],
  ])('over midnight, at %s', (at, end) => expect(until(night, at)).toBe(end))

  it('hold only on the days on which they begin', () => {
    // 2026-11-27 is a Friday.
    const weekend = { ...night, days: [5] }
    expect(until(weekend, '2026-11-27T23:30:00Z')).toBe('2026-11-28T06:00:00.000Z')
    expect(until(weekend, '2026-11-27T03:00:00Z')).toBeUndefined()
  })

  it('from and to at the same time last the whole day', () => {
    expect(until({ time_zone: 'UTC', from: '09:00', to: '09:00' }, '2026-11-26T08:00:00Z')).toBe(
      '2026-11-26T09:00:00.000Z',
    )
  })

  it.each([{ time_zone: 'Mars/Olympus' }, { from: '24:00' }, { to: '7:00' }, { days: [] }, { days: [7] }])(
    'refuses %j',
    (wrong) => expect(quietHours.safeParse({ ...night, ...wrong }).success).toBe(false),
  )
})
