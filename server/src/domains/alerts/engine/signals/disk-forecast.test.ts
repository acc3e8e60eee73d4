import { expect, it } from 'vitest'
import type { FreeSpace } from '../../../metrics/free-space.ts'
import { forecastOf } from './disk-forecast.ts'

const DAY_MS = 86_400_000
const GB = 1e9
const TODAY = 20_800
const NOW = TODAY * DAY_MS + DAY_MS / 2

/** Free gigabytes by day, the last one today; null: a day without a value. */
const disk = (free: readonly (number | null)[], totals: readonly number[] = []): FreeSpace => {
  const days = free.flatMap((gigabytes, index) =>
    gigabytes === null
      ? []
      : [
          {
            day: TODAY - free.length + 1 + index,
            available: gigabytes * GB,
            total: (totals[index] ?? 1000) * GB,
            hours: 24,
          },
        ],
  )
  const last = days.at(-1)
  return {
    mount: '/',
    days,
    last: { at: new Date(NOW), available: last?.available ?? 0, total: last?.total ?? 0 },
  }
}
const series = (length: number, value: (day: number) => number): number[] => Array.from({ length }, (_, i) => value(i))
const daysLeft = (free: readonly (number | null)[], totals?: readonly number[]): number | null => {
  const forecast = forecastOf(disk(free, totals), NOW, 14)
  return forecast && Math.round(forecast.days)
}

it('is what is free now by what is used each day', () => {
  expect(daysLeft(series(14, (day) => 100 - 5 * day))).toBe(7)
  // Noise, a day that was measured wrongly, and weekends without work change little.
  expect(daysLeft(series(14, (day) => 100 - 5 * day + (day % 2)))).toBe(7)
  expect(daysLeft(series(14, (day) => (day === 6 ? 0 : 100 - 5 * day)))).toBe(7)
  expect(daysLeft(series(14, (day) => 100 - 5 * (day - (day >= 5 ? 1 : 0) - (day >= 12 ? 1 : 0))))).toBeCloseTo(9, -1)
})

it('follows from no single jump, wherever it lies', () => {
  for (let jump = 1; jump < 14; jump += 1)
    expect([jump, daysLeft(series(14, (day) => (day < jump ? 100 : 10)))]).toEqual([jump, Infinity])
  // Nor from one among small noise.
  for (let jump = 1; jump < 14; jump += 1)
    expect([jump, daysLeft(series(14, (day) => (day < jump ? 100 : 10) + ((day * 7) % 3)))]).toEqual([jump, Infinity])
})

it('is none for a disk that is cleaned again and again, that was cleaned, or that fills no more', () => {
  expect(daysLeft(series(14, (day) => 70 - 10 * (day % 7)))).toBe(Infinity)
  expect(daysLeft(series(14, (day) => (day < 12 ? 100 - 8 * day : 95)))).toBe(Infinity)
  expect(daysLeft(series(14, (day) => 100 - 10 * Math.min(day, 6)))).toBe(Infinity)
  expect(daysLeft(series(14, () => 3))).toBe(Infinity)
  expect(daysLeft(series(14, (day) => 10 + day))).toBe(Infinity)
})

it('needs half of the days, of the disk as large as it is now', () => {
  const steady = series(14, (day) => 100 - 5 * day)
  expect(daysLeft(steady.slice(-6))).toBeNull()
  expect(daysLeft(steady.map((value, day) => (day % 2 === 0 ? value : null)).concat(35))).toBe(7)
  expect(daysLeft(steady.map((value, day) => (day < 8 ? null : value)))).toBeNull()
  expect(
    daysLeft(
      steady,
      steady.map((_, day) => (day < 10 ? 500 : 1000)),
    ),
  ).toBeNull()
})

it('goes by what is free, not by how full it is', () => {
  // 99 % full and still years to go; 40 % full and gone within days.
  expect(daysLeft(series(14, (day) => 10 - day * 0.001))).toBeGreaterThan(365)
  expect(daysLeft(series(14, (day) => 900 - day * 60))).toBe(2)
})
