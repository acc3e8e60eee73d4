import { expect, test } from 'vitest'
import { lasting, spoken } from './time.ts'

const now = new Date(2026, 10, 21, 8, 4, 30)

test.each([
  [new Date(2026, 10, 21, 8, 4, 10), 'now'],
  [new Date(2026, 10, 21, 8, 1, 0), '3 min ago'],
  [new Date(2026, 10, 21, 1, 52, 0), '01:52'],
  [new Date(2026, 10, 20, 23, 59, 0), 'yesterday'],
  [new Date(2026, 10, 19, 12, 0, 0), '19 Nov'],
  [new Date(2025, 10, 19, 12, 0, 0), '19 Nov 2025'],
  [new Date(2026, 10, 21, 12, 30, 0), '12:30'],
  [new Date(2027, 1, 19, 12, 0, 0), '19 Feb 2027'],
])('%s is "%s"', (at, said) => expect(spoken(at, now)).toBe(said))

test.each([
  [59, '0 min'],
  [300, '5 min'],
  [11_520, '3 h 12 min'],
  [3_600_000, '41 d'],
])('%i seconds last %s', (seconds, said) => expect(lasting(seconds)).toBe(said))
