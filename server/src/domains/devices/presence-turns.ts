/** The changes of devices between there and not there, as they are told to whoever raises alerts. */
import type { GoodbyeReason } from '@breeze/contract/agent-protocol'

export interface PresenceTurn {
  deviceId: string
  status: 'online' | 'offline'
  at: Date
  /** Why it said that it goes; null where it fell silent, whether its connection closed or not. */
  expected: GoodbyeReason | null
  /** When it wanted to be back; null where it did not say that it comes back. */
  expectedBackAt: Date | null
  /** It did not come back by then. Told as a second turn with the same `at`. */
  overdue: boolean
  /** False: part of the silence lies in a time in which this server did not listen, so it may be shorter than it seems. */
  observed: boolean
}

const MINUTES = 60_000

/** How long a device may take that goes in order to come back. */
const AWAY_MS: Partial<Record<GoodbyeReason, number>> = { reboot: 15 * MINUTES, update: 15 * MINUTES }

export function cameBack(deviceId: string, at: Date): PresenceTurn {
  return { deviceId, status: 'online', at, expected: null, expectedBackAt: null, overdue: false, observed: true }
}

export function fellSilent(deviceId: string, at: Date, observed: boolean): PresenceTurn {
  return { deviceId, status: 'offline', at, expected: null, expectedBackAt: null, overdue: false, observed }
}

export function saidGoodbye(deviceId: string, at: Date, expected: GoodbyeReason): PresenceTurn {
  const awayMs = AWAY_MS[expected]
  const expectedBackAt = awayMs === undefined ? null : new Date(at.getTime() + awayMs)
  return { deviceId, status: 'offline', at, expected, expectedBackAt, overdue: false, observed: true }
}
