import type { PlannedDevice } from './fleet.ts'
import { DAY_MS, failed, installed, type Patches, type PendingPatch } from './updates.ts'

const MINUTE_MS = 60_000

/** Released three days ago, and the reason for the night. */
export const NIGHTS_UPDATE: PendingPatch = {
  name: 'Security Update for Windows x64-based Systems (KB5034441)',
  available: '5034441.1',
  article: 'KB5034441',
  security: true,
  severity: 'important',
  releasedDaysAgo: 3,
}
const TOOL: PendingPatch = {
  name: 'Windows Malicious Software Removal Tool x64 (KB890830)',
  available: '890830.1',
  article: 'KB890830',
  security: false,
  releasedDaysAgo: 9,
}

/** What each of those that are not fully patched lacks: 12 devices, mostly one and the same update. */
const LACKING: readonly (readonly PendingPatch[])[] = [
  ...Array.from({ length: 9 }, () => [NIGHTS_UPDATE]),
  [NIGHTS_UPDATE, TOOL],
  [NIGHTS_UPDATE, TOOL],
  [TOOL],
]
const FAILURES = 3
/** After midnight, of the first failure; the others follow. */
const BEGAN_MINUTES = 134

/**
 * The morning after updates were deployed to Contoso's 89 devices: 74 have all, 12 lack one or two, 3 failed. Whoever is not
 * Contoso's stays as it is.
 */
export function patchNight(fleet: readonly PlannedDevice[], now: number): Map<string, Patches> {
  const contoso = fleet.filter(({ organization }) => organization === 'Contoso')
  const workstations = contoso.filter(({ kind, state }) => ['pc', 'laptop'].includes(kind) && state === 'online')
  const failing = workstations.slice(0, FAILURES)
  const lacking = workstations.slice(FAILURES, FAILURES + LACKING.length)
  const night = lastNight(now)
  const patched = { pending: [], history: [installed(NIGHTS_UPDATE, night)] }
  return new Map<string, Patches>([
    ...contoso.map(({ name }) => [name, patched] as const),
    ...lacking.map(({ name }, index) => [name, { pending: LACKING[index] ?? [], history: [] }] as const),
    ...failing.map(({ name }, index) => {
      const history = [failed(NIGHTS_UPDATE, night + index * 27 * MINUTE_MS)]
      return [name, { pending: [NIGHTS_UPDATE], history }] as const
    }),
  ])
}

/** Whole, so that all of it is over. */
function lastNight(now: number): number {
  const today = now - (now % DAY_MS) + BEGAN_MINUTES * MINUTE_MS
  return today + FAILURES * 27 * MINUTE_MS <= now ? today : today - DAY_MS
}
