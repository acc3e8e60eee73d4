import { createHash } from 'node:crypto'

export const MAX_BACKOFF_MS = 300_000

/** Full jitter: anywhere in [0, min(300 s, base · 2^attempt)), so that a fleet does not return in one wave. */
export function fullJitter(baseMs: number, attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(MAX_BACKOFF_MS, baseMs * 2 ** Math.min(attempt, 30))
}

/** Uniform in [low, high). */
export function between(lowMs: number, highMs: number, random: () => number = Math.random): number {
  return lowMs + random() * (highMs - lowMs)
}

/** A device's place within the heartbeat interval: stable over restarts, spread evenly over the fleet. */
export function heartbeatOffset(deviceId: string, intervalMs: number): number {
  return createHash('sha256').update(deviceId).digest().readUInt32BE(0) % intervalMs
}

/**
 * Milliseconds from `now` to the device's next turn. A timer that fires a little early must not earn a second beat, so
 * a turn closer than a tenth of the interval is skipped.
 */
export function untilNextHeartbeat(now: number, offsetMs: number, intervalMs: number): number {
  const elapsed = (((now - offsetMs) % intervalMs) + intervalMs) % intervalMs
  const remaining = intervalMs - elapsed
  return remaining < intervalMs / 10 ? remaining + intervalMs : remaining
}
