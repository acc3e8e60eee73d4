import type { SectionData } from '@breeze/contract/agent-inventory'
import type { Facts } from './facts.ts'
import { seededChance } from './seeded.ts'
import type { System } from './systems.ts'

export const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** An update that a simulated device lacks. */
export interface PendingPatch {
  name: string
  available: string
  installed?: string
  article?: string
  security: boolean
  severity?: 'critical' | 'important' | 'moderate' | 'low'
  /** Days ago, from today. */
  releasedDaysAgo?: number
}

/** What became of an update, by the device's own record. */
export interface PatchOutcome {
  name: string
  version?: string
  article?: string
  at: Date
  outcome: 'installed' | 'failed'
  reason?: string
}

/** What a device lacks and what was tried. */
export interface Patches {
  pending: readonly PendingPatch[]
  history: readonly PatchOutcome[]
}

type Family = System['family']

const MANAGERS = { windows: 'windows', linux: 'apt', macos: 'softwareupdate' } as const
const ORIGINS = { windows: 'Windows Update', linux: 'Debian:12/stable', macos: 'Apple' } as const

const windowsUpdate = (article: number, title: string, severity?: PendingPatch['severity']): PendingPatch => ({
  name: `${title} (KB${article})`,
  available: `${article}.1`,
  article: `KB${article}`,
  security: severity !== undefined,
  ...(severity && { severity }),
  releasedDaysAgo: 3 + (article % 40),
})
const aptUpdate = (name: string, installed: string, available: string, security: boolean): PendingPatch => {
  return { name, installed, available, security }
}

const KNOWN: { readonly [F in Family]: readonly [PendingPatch, ...PendingPatch[]] } = {
  windows: [
    windowsUpdate(5034441, 'Security Update for Windows x64-based Systems', 'important'),
    windowsUpdate(5046613, 'Cumulative Update for Windows x64-based Systems', 'critical'),
    windowsUpdate(5045993, 'Cumulative Update for .NET Framework 3.5 and 4.8.1', 'important'),
    windowsUpdate(890830, 'Windows Malicious Software Removal Tool x64'),
    windowsUpdate(5001716, 'Update for Windows Update Service components'),
  ],
  linux: [
    aptUpdate('openssl', '3.0.14-1~deb12u2', '3.0.15-1~deb12u1', true),
    aptUpdate('libc6', '2.36-9+deb12u8', '2.36-9+deb12u9', true),
    aptUpdate('linux-image-amd64', '6.1.112-1', '6.1.115-1', true),
    aptUpdate('tzdata', '2024a-0+deb12u1', '2024b-0+deb12u1', false),
    aptUpdate('curl', '7.88.1-10+deb12u7', '7.88.1-10+deb12u8', false),
  ],
  macos: [
    { name: 'macOS Sequoia 15.2', available: '15.2', security: false, releasedDaysAgo: 9 },
    { name: 'Safari Security Update', available: '18.2', security: true, releasedDaysAgo: 5 },
  ],
}

/** Follows from the seed: half of the devices lack nothing, a few could not install something last night. */
export function seededPatches({ system, machineId }: Facts, now: number): Patches {
  const chance = seededChance(`${machineId}\nupdates`)
  const known = KNOWN[system.family]
  const pending = chance.next() < 0.5 ? [] : known.slice(0, chance.between(1, known.length))
  const today = now - (now % DAY_MS)
  const history = known.slice(pending.length).map((patch) => installed(patch, today - chance.between(2, 30) * DAY_MS))
  const [first] = pending
  if (first && chance.next() < 0.05) history.unshift(failed(first, today - 20 * HOUR_MS))
  return { pending, history }
}

export const installed = ({ name, available, article }: PendingPatch, at: number): PatchOutcome => ({
  name,
  version: available,
  ...(article !== undefined && { article }),
  at: new Date(at),
  outcome: 'installed',
})

/** The words of Windows and of dpkg; macOS tells of no failures. */
export function failed({ name, available, article }: PendingPatch, at: number): PatchOutcome {
  const reason = article ? '0x80070643: fatal error during installation' : 'post-installation script returned error 1'
  return {
    name,
    version: available,
    ...(article !== undefined && { article }),
    at: new Date(at),
    outcome: 'failed',
    reason,
  }
}

export function updatesOf({ system }: Facts, { pending }: Patches, now: number): SectionData<'updates'> {
  // To the day, so that the content stays the same for a while.
  const today = now - (now % DAY_MS)
  const updates = pending.map(
    ({ name, installed: before, available, article, security, severity, releasedDaysAgo }) => ({
      name,
      installed: before ?? null,
      available,
      architecture: system.family === 'linux' ? 'amd64' : null,
      origin: ORIGINS[system.family],
      security,
      ...(article !== undefined && { article }),
      ...(severity && { severity }),
      ...(releasedDaysAgo !== undefined && { releasedOn: dateOf(today - releasedDaysAgo * DAY_MS) }),
    }),
  )
  return { manager: MANAGERS[system.family], listsUpdatedAt: new Date(today).toISOString(), updates }
}

const dateOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

export function updateHistoryOf({ history }: Patches): SectionData<'update_history'> {
  return history
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())
    .map(({ name, version, article, at, outcome, reason }) => ({
      name,
      version: version ?? null,
      ...(article !== undefined && { article }),
      at: at.toISOString(),
      outcome,
      ...(reason !== undefined && { reason }),
    }))
}
