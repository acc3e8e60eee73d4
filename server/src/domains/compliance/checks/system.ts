/** The operating system: supported, patched, and running what was installed. */
import { LISTS_DAYS } from '../../patches/state.ts'
import { type Check, fail, pass, type Rules, unknown, type Verdict } from './check.ts'
import { DAY_MS, day, type DeviceFacts, ofPosture, read, readPosture } from './facts.ts'

export const osSupported: Check = {
  id: 'os_supported',
  version: 1,
  title: 'Operating system is in support',
  passes: () => 'The vendor supports this release on the present day.',
  severity: 'critical',
  judge(facts, rules) {
    const byTable = supportByTable(facts, rules)
    if (byTable) return byTable
    const end = readPosture('endOfLife', facts, rules)
    if ('unknown' in end) return end.unknown
    const { supportedUntil, product } = end.data
    if (supportedUntil === null)
      return unknown('unsupported', 'It is not known until when it is supported.', end.at, [product])
    // Supported through its last day.
    return day(facts.now) <= supportedUntil
      ? pass(end.at, `Supported until ${supportedUntil}.`, [product])
      : fail(end.at, `Out of support since ${supportedUntil}.`, [product])
  },
}

/** Undefined where the table knows nothing of the release: then the system's own word counts. */
function supportByTable(facts: DeviceFacts, rules: Rules): Verdict | undefined {
  const { support } = facts
  if (support === null || support.state === 'unknown') return undefined
  const os = read(facts.os, facts, rules)
  if ('unknown' in os) return os.unknown
  const at = {
    source: `releases of operating systems, ${support.source}, as of ${support.asOf}`,
    collectedAt: os.at.collectedAt,
  }
  const release = support.release ?? 'This release'
  const until = support.supportedUntil
  return support.state === 'supported'
    ? pass(at, `${release} is supported${until === null ? '' : ` until ${until}`}.`)
    : fail(at, `${release} is out of support${until === null ? '' : ` since ${until}`}.`)
}

export const osPatches: Check = {
  id: 'os_patches',
  version: 1,
  title: 'No important patch is missing for long',
  passes: ({ patchDays }) => `No critical or high patch has been missing for more than ${patchDays} days.`,
  severity: 'critical',
  judge(facts, rules) {
    const updates = read(facts.updates, facts, rules)
    if ('unknown' in updates) return updates.unknown
    const { important, unratedSince, listsUpdatedAt } = updates.data
    const { at } = updates
    if (listsUpdatedAt === null)
      return unknown('incomplete', 'When the device last looked for updates is not told.', at)
    if (facts.now.getTime() - listsUpdatedAt.getTime() > LISTS_DAYS * DAY_MS)
      return unknown('stale', `The device last looked for updates on ${day(listsUpdatedAt)}.`, at)
    const limit = facts.now.getTime() - rules.patchDays * DAY_MS
    const [oldest] = important
    const late = important.filter(({ since }) => Date.parse(since) < limit)
    const names = (late.length > 0 ? late : important).map(({ name }) => name)
    if (oldest && late.length > 0)
      return fail(at, `Critical or high patches are missing since ${day(oldest.since)}.`, names)
    if (unratedSince !== null && Date.parse(unratedSince) < limit)
      return unknown('incomplete', `Patches that nobody rates are missing since ${day(unratedSince)}.`, at)
    return oldest
      ? pass(at, `Critical or high patches are missing since ${day(oldest.since)}, which is within the limit.`, names)
      : pass(at, 'No critical or high patch is missing.')
  },
}

export const rebootPending: Check = {
  id: 'reboot_pending',
  version: 1,
  title: 'No restart is due for long',
  passes: ({ rebootDays }) => `No restart has been due for more than ${rebootDays} days.`,
  severity: 'medium',
  judge: ofPosture('rebootPending', (pending, facts, rules) => {
    if (!pending.data.pending) return pass(pending.at, 'No restart is due.')
    const os = read(facts.os, facts, rules)
    const bootedAt = 'unknown' in os ? null : os.data.bootedAt
    const since = dueSince(facts, bootedAt)
    const late = facts.now.getTime() - Date.parse(since) > rules.rebootDays * DAY_MS
    const seen = `A restart is due, first seen on ${day(since)}.`
    return (late ? fail : pass)(pending.at, seen, pending.data.reasons)
  }),
}

/** A restart since then settled what was due before it: what is due now came after. */
function dueSince({ now, rebootPendingSince }: DeviceFacts, bootedAt: string | null): string {
  if (rebootPendingSince === null) return now.toISOString()
  if (bootedAt === null || Date.parse(bootedAt) <= Date.parse(rebootPendingSince)) return rebootPendingSince
  return new Date(Math.min(Date.parse(bootedAt), now.getTime())).toISOString()
}

export const timeSync: Check = {
  id: 'time_sync',
  version: 1,
  title: 'Clock is synchronized',
  passes: () => 'The system says that its clock is synchronized.',
  severity: 'low',
  judge: ofPosture('timeSync', (sync) => {
    const { synchronized, service, running } = sync.data
    const items = service === null ? [] : [service]
    if (synchronized === true) return pass(sync.at, 'The clock is synchronized.', items)
    if (synchronized === false) return fail(sync.at, 'The clock is not synchronized.', items)
    const seen = running
      ? 'A time service runs; whether it is in step is not known.'
      : 'No known time service runs; what else keeps the clock right is not known.'
    return unknown('unsupported', seen, sync.at, items)
  }),
}

export const auditLog: Check = {
  id: 'audit_log',
  version: 1,
  title: 'Event log or audit log is kept',
  passes: () => 'A service that records events runs.',
  severity: 'medium',
  judge(facts, rules) {
    const services = read(facts.logServices, facts, rules)
    if ('unknown' in services) return services.unknown
    const running = services.data.filter(({ state }) => state === 'running').map(({ name }) => name)
    if (running.length > 0) return pass(services.at, 'Events are recorded.', running)
    // Its log is part of the system and no service of the list.
    if (facts.platform === 'macos')
      return unknown('unsupported', 'Whether the unified log is kept is not told.', services.at)
    const present = services.data.map(({ name }) => name)
    return present.length > 0
      ? fail(services.at, 'The services that record events do not run.', present)
      : fail(services.at, 'None of the known services that record events is there.')
  },
}

export const backupSeen: Check = {
  id: 'backup_recent',
  version: 1,
  title: 'Backup was made lately',
  passes: () => 'A backup was made within 24 hours.',
  severity: 'high',
  judge: () => unknown('not_measured', 'Backups are not measured by this system yet.'),
}
