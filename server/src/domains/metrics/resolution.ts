/** Which rows answer a question: the finest that are still kept and that are not too many to read. */
import { QUARTER_MS } from './roll-up.ts'
import { type Resolution, RESOLUTIONS, RETENTION } from './partitions.ts'

export const LENGTH_MS: Readonly<Record<Resolution, number>> = {
  minute: 60_000,
  quarter: QUARTER_MS,
  hour: 3_600_000,
}
/** Rows that a read of a roll-up would rather not exceed, and those that it never does. */
const MANY_ROWS = 200_000
const MOST_ROWS = 3_000_000
/** Values of one series in an answer. */
const MOST_VALUES = 120

export interface Span {
  since: Date
  until: Date
  now: Date
  /** Devices, times the rows that each has at one time. */
  width: number
}

/** Null: even the coarsest would be too many. */
export function pickResolution({ since, until, now, width }: Span): Resolution | null {
  const rows = (resolution: Resolution): number => (width * (until.getTime() - since.getTime())) / LENGTH_MS[resolution]
  const kept = RESOLUTIONS.filter(
    (resolution) => since.getTime() >= now.getTime() - RETENTION[resolution].keptMs || resolution === 'hour',
  )
  const fine = kept.find((resolution) => rows(resolution) <= MANY_ROWS)
  if (fine) return fine
  return rows('hour') <= MOST_ROWS ? 'hour' : null
}

const NICE_STEPS_MS = [1, 5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080].map((minutes) => minutes * 60_000)

/** As asked, unless the rows are coarser than that or the values would be too many. */
export function stepFor(askedMs: number, resolution: Resolution, since: Date, until: Date): number {
  const least = Math.max(askedMs, LENGTH_MS[resolution], (until.getTime() - since.getTime()) / MOST_VALUES)
  if (askedMs >= least && askedMs % LENGTH_MS[resolution] === 0) return askedMs
  const nice = NICE_STEPS_MS.find((step) => step >= least && step % LENGTH_MS[resolution] === 0)
  return nice ?? Math.ceil(least / LENGTH_MS.hour) * LENGTH_MS.hour
}
