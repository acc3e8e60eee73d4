/** How old what is known of a device may be: asked when it is shown, so that nothing is stored that time makes untrue. */
import type { SectionName } from '@breeze/contract/agent-inventory'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** By how soon each changes. */
const STALE_AFTER_MS: Record<SectionName, number> = {
  services: HOUR_MS,
  memory: DAY_MS,
  disks: DAY_MS,
  network: DAY_MS,
  users: 3 * DAY_MS,
  posture: 3 * DAY_MS,
  updates: 3 * DAY_MS,
  update_history: 3 * DAY_MS,
  certificates: 3 * DAY_MS,
  software: 7 * DAY_MS,
  os: 7 * DAY_MS,
  capabilities: 7 * DAY_MS,
  identity: 30 * DAY_MS,
  cpu: 30 * DAY_MS,
}

export interface SectionTimes {
  /** By the device's clock, which may be ahead. */
  collectedAt: Date
  receivedAt: Date
  /** Since when the device has had other content and has not sent it; null while it has this. */
  outdatedSince: Date | null
  /** When the device was last heard of. */
  lastSeenAt: Date | null
}

/**
 * Until when the content is known to have been true. A device sends a section when it changes, and tells in each heartbeat
 * which content it has: as long as that is this one, each heartbeat confirms it.
 */
export function confirmedAt({ collectedAt, receivedAt, outdatedSince, lastSeenAt }: SectionTimes): Date {
  const read = collectedAt > receivedAt ? receivedAt : collectedAt
  if (outdatedSince !== null) return outdatedSince > read ? outdatedSince : read
  return lastSeenAt !== null && lastSeenAt > read ? lastSeenAt : read
}

export const isStale = (name: SectionName, confirmed: Date, now: Date): boolean =>
  now.getTime() - confirmed.getTime() > STALE_AFTER_MS[name]
