/**
 * Whether a device answers slower than it usually does. Its usual time is a slow moving average of its own ways to the server
 * and back, so that a site behind a satellite is not slow every day.
 */

export interface Responses {
  usualMs: number
  /** Three measurements in a row took clearly longer than usual, and no three since were normal again. */
  elevated: boolean
}

interface Kept extends Responses {
  /** Measurements in a row that speak against `elevated` as it is. */
  streak: number
  lastMs: number | null
}

/** Of a device that was measured for the first time, at most: nobody knows yet whether it is slow or far away. */
const FIRST_USUAL_MS = 250
const STREAK = 3
/** Fifty normal measurements move the average most of the way; slow ones move it a tenth as much. */
const WEIGHT = 0.02
const SLOW_WEIGHT = 0.002

/** From here on a measurement is slow. */
const slowAbove = (usualMs: number): number => Math.max(3 * usualMs, usualMs + 200)
/** Below it is normal again. */
const normalBelow = (usualMs: number): number => Math.max(2 * usualMs, usualMs + 100)

export class ResponseTimes {
  readonly #devices = new Map<string, Kept>()

  restore(deviceId: string, { usualMs, elevated }: Responses): void {
    this.#devices.set(deviceId, { usualMs, elevated, streak: 0, lastMs: null })
  }

  forget(deviceId: string): void {
    this.#devices.delete(deviceId)
  }

  isElevated(deviceId: string): boolean {
    return this.#devices.get(deviceId)?.elevated ?? false
  }

  /** Null while nothing was measured. A value that comes again with the next heartbeat is the same measurement. */
  measured(deviceId: string, roundTripMs: number | null): Responses | null {
    const known = this.#devices.get(deviceId)
    if (roundTripMs === null || known?.lastMs === roundTripMs) return known ?? null
    const before = known ?? {
      usualMs: Math.min(roundTripMs, FIRST_USUAL_MS),
      elevated: false,
      streak: 0,
      lastMs: null,
    }
    const { usualMs, elevated } = before
    const isAgainst = elevated ? roundTripMs < normalBelow(usualMs) : roundTripMs > slowAbove(usualMs)
    const streak = isAgainst ? before.streak + 1 : 0
    const turns = streak === STREAK
    const weight = roundTripMs > slowAbove(usualMs) ? SLOW_WEIGHT : WEIGHT
    const next = {
      usualMs: usualMs + weight * (roundTripMs - usualMs),
      elevated: turns ? !elevated : elevated,
      streak: turns ? 0 : streak,
      lastMs: roundTripMs,
    }
    this.#devices.set(deviceId, next)
    return next
  }
}
