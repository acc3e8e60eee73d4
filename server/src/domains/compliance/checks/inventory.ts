/** Is the device known, and does it tell what is on it? */
import { type Check, fail, pass, unknown } from './check.ts'
import { DAY_MS, day, read } from './facts.ts'

export const deviceReporting: Check = {
  id: 'device_reporting',
  version: 1,
  title: 'Device is known and reports',
  passes: ({ reportingDays }) => `It was heard within the last ${reportingDays} days.`,
  severity: 'medium',
  judge({ now, lastSeenAt, enrolledAt }, { reportingDays }) {
    const limit = now.getTime() - reportingDays * DAY_MS
    const at = { source: 'heartbeat', collectedAt: null }
    if (lastSeenAt === null) {
      return enrolledAt.getTime() < limit
        ? fail(at, `Enrolled on ${day(enrolledAt)} and never reported.`)
        : unknown('no_data', 'Enrolled and not reported yet.', at)
    }
    return lastSeenAt.getTime() >= limit
      ? pass(at, `Reports at least every ${reportingDays} days.`)
      : fail(at, `Last heard on ${day(lastSeenAt)}.`)
  },
}

export const softwareInventory: Check = {
  id: 'software_inventory',
  version: 1,
  title: 'Software inventory is current',
  passes: () => 'The list of installed software was read and is confirmed.',
  severity: 'medium',
  judge(facts, rules) {
    const software = read(facts.software, facts, rules)
    if ('unknown' in software) return software.unknown
    return pass(software.at, 'The list of installed software is current.')
  },
}
