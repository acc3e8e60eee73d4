/** Where a series of days leads. Pure arithmetic that one bad day, one jump or a saw's teeth do not lead astray. */

export interface Point {
  /** Days. */
  x: number
  y: number
}

/** Less than this share of what moves is no trend: disks that fill and are cleaned again look like this. */
const LEAST_EXPLAINED = 0.7
/** Of the slope, what must be left without the day that moved most, and in the later half of the days. */
const LEAST_LEFT = 0.5
const LEAST_LATELY = 0.25

/**
 * How much `y` falls each day; null where it does not fall steadily. It is the median of all slopes between two days, so that
 * single values do not move it; and it has to hold without its steepest single fall, and lately.
 */
export function steadyFall(measured: readonly Point[]): number | null {
  const points = withoutSingles(measured)
  const slope = medianSlope(points)
  if (slope === null || slope >= 0) return null
  if (explainedBy(points, slope) < LEAST_EXPLAINED) return null
  const without = medianSlope(withoutSteepestFall(points))
  if (without === null || without > slope * LEAST_LEFT) return null
  const lately = medianSlope(points.slice(Math.floor(points.length / 2)))
  if (lately === null || lately > slope * LEAST_LATELY) return null
  return -slope
}

/** Theil and Sen's. Null for fewer than three points. */
export function medianSlope(points: readonly Point[]): number | null {
  if (points.length < 3) return null
  const slopes: number[] = []
  for (const [index, a] of points.entries())
    for (const b of points.slice(index + 1)) if (b.x !== a.x) slopes.push((b.y - a.y) / (b.x - a.x))
  return slopes.length === 0 ? null : median(slopes)
}

/** The share of the squares around the mean that the line through the medians takes away. */
function explainedBy(points: readonly Point[], slope: number): number {
  const base = median(points.map(({ x, y }) => y - slope * x))
  const mean = points.reduce((sum, { y }) => sum + y, 0) / points.length
  const around = points.reduce((sum, { y }) => sum + (y - mean) ** 2, 0)
  const left = points.reduce((sum, { x, y }) => sum + (y - base - slope * x) ** 2, 0)
  return around === 0 ? 0 : 1 - left / around
}

/** A day unlike the one before and the one after is not what the days around it are about. */
const withoutSingles = (points: readonly Point[]): Point[] =>
  points.map(({ x, y }, index) => ({
    x,
    y: median([points[index - 1]?.y ?? y, y, points[index + 1]?.y ?? y]),
  }))

/** What came after the steepest fall between two neighbours is lifted by it. */
function withoutSteepestFall(points: readonly Point[]): Point[] {
  let at = 0
  let steepest = 0
  for (const [index, { y }] of points.entries()) {
    const fall = y - (points[index - 1]?.y ?? y)
    if (fall < steepest) [at, steepest] = [index, fall]
  }
  return points.map(({ x, y }, index) => ({ x, y: at > 0 && index >= at ? y - steepest : y }))
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
