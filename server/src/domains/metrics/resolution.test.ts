import { expect, test } from 'vitest'
import { pickResolution, stepFor } from './resolution.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const now = new Date('2026-06-15T12:00:00Z')
const ago = (ms: number): Date => new Date(now.getTime() - ms)
const pick = (fromMs: number, toMs = 0, width = 1) =>
  pickResolution({ since: ago(fromMs), until: ago(toMs), now, width })

test('the finest rows that are still kept answer', () => {
  expect(pick(2 * DAY)).toBe('minute')
  expect(pick(2 * DAY + 1)).toBe('quarter')
  expect(pick(30 * DAY)).toBe('quarter')
  expect(pick(30 * DAY + 1)).toBe('hour')
  expect(pick(395 * DAY)).toBe('hour')
  // However short the time: its minutes are gone.
  expect(pick(20 * DAY, 20 * DAY - HOUR)).toBe('quarter')
})

test('rather coarser rows than too many, and none at all where even those are too many', () => {
  expect(pick(DAY, 0, 100)).toBe('minute')
  expect(pick(DAY, 0, 1000)).toBe('quarter')
  expect(pick(7 * DAY, 0, 1000)).toBe('hour')
  expect(pick(300 * DAY, 0, 5000)).toBeNull()
})

test('a step is as asked, unless the rows are coarser or the values would be too many', () => {
  const step = (asked: number, resolution: 'minute' | 'quarter' | 'hour', span: number) =>
    stepFor(asked, resolution, ago(span), now)
  expect(step(60_000, 'minute', 2 * HOUR)).toBe(60_000)
  expect(step(7 * 60_000, 'minute', 2 * HOUR)).toBe(7 * 60_000)
  expect(step(60_000, 'minute', DAY)).toBe(15 * 60_000)
  expect(step(5 * 60_000, 'quarter', DAY)).toBe(15 * 60_000)
  expect(step(20 * 60_000, 'quarter', DAY)).toBe(30 * 60_000)
  expect(step(HOUR, 'hour', 390 * DAY)).toBe(7 * DAY)
})
