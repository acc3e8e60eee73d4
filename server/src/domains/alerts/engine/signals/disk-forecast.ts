/** Disks that will be full by the trend of what was free on them, day by day. */
import type { Tx } from '../../../../kernel/db.ts'
import { type FreeSpace, freeSpaceByDay } from '../../../metrics/free-space.ts'
import type { RuleOf } from '../../rule-rows.ts'
import type { Severity } from '../../tables.ts'
import { counted, instanceName, named, words } from '../describe.ts'
import type { Finding, Findings } from './facts.ts'
import { type Point, steadyFall } from './trend.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Of the longest history that a rule may ask for. */
const MOST_DAYS = 90
/** Fewer hours of a day are not the day. */
const LEAST_HOURS = 4
/** Values that are older say nothing about now. */
const FRESH_MS = 26 * HOUR_MS
/** A disk that became larger or smaller by more than this is another one. */
const SAME_SIZE = 0.01

export const readFreeSpace = (tx: Tx, deviceIds: readonly string[], now: number): Promise<Map<string, FreeSpace[]>> =>
  freeSpaceByDay(tx, deviceIds, { since: new Date(now - MOST_DAYS * DAY_MS), until: new Date(now) })

/** Null: nothing fresh is known of any disk. */
export function fillingDisks(
  rule: RuleOf<'disk_forecast'>,
  disks: readonly FreeSpace[] | undefined,
  at: number,
): Findings | null {
  const newest = Math.max(0, ...(disks ?? []).map(({ last }) => last.at.getTime()))
  if (disks === undefined || at - newest > FRESH_MS) return null
  const { mount: wanted, levels, history_days: historyDays } = rule.condition
  const found = new Map<string, Finding>()
  const unknown = new Set<string>()
  for (const disk of disks) {
    // The device tells of others and not of this one: it is gone, and its alert with it.
    if ((wanted !== undefined && disk.mount !== wanted) || newest - disk.last.at.getTime() > FRESH_MS) continue
    const instance = instanceName(disk.mount)
    const forecast = forecastOf(disk, at, historyDays)
    if (forecast === null) unknown.add(instance)
    const level = forecast && levels.find(({ days }) => forecast.days <= days)
    if (forecast && level) found.set(instance, findingOf(disk, forecast, level, at))
  }
  return { found, unknown }
}

export interface Forecast {
  /** Until nothing is free; infinite where it does not fill steadily. */
  days: number
  bytesPerDay: number
  /** Days that were looked at. */
  history: number
}

/** Null where too little is known to say either. */
export function forecastOf(disk: FreeSpace, at: number, historyDays: number): Forecast | null {
  const { total, available } = disk.last
  const first = Math.floor(at / DAY_MS) - historyDays
  const whole = disk.days.filter(({ day, hours }) => day >= first && hours >= LEAST_HOURS)
  const resized = whole.findLastIndex((day) => Math.abs(day.total - total) > SAME_SIZE * total)
  const points = whole.slice(resized + 1).map(({ day, available: y }): Point => ({ x: day, y }))
  if (points.length < Math.max(5, Math.ceil(historyDays / 2))) return null
  const bytesPerDay = steadyFall(points)
  const history = points.length
  return bytesPerDay === null
    ? { days: Infinity, bytesPerDay: 0, history }
    : { days: available / bytesPerDay, bytesPerDay, history }
}

function findingOf(
  { mount, last }: FreeSpace,
  { days, bytesPerDay, history }: Forecast,
  level: { severity: Severity; days: number },
  at: number,
): Finding {
  const whole = Math.round(days)
  const describe = () => ({
    title: `${named(instanceName(mount), 'A disk')} will be full in about ${counted(Math.max(1, whole), 'day')} at its present rate`,
    detail: {
      value: whole,
      threshold: level.days,
      unit: 'days',
      available_bytes: Math.round(last.available),
      total_bytes: last.total,
      bytes_per_day: Math.round(bytesPerDay),
      expected_full_on: new Date(at + days * DAY_MS).toISOString().slice(0, 10),
      history_days: history,
      device_text: { mount: words(mount, 500) },
    },
  })
  return { severity: level.severity, value: whole, describe }
}
