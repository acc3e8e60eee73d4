import type { LoggedEntry } from '../logged.ts'
import { fillDisk } from './courses.ts'
import { patchesOf } from './morning.ts'
import { actor, lastNight, type Stage, type Story } from './story.ts'

const MINUTE_MS = 60_000
const SLOW_MS = 1800

interface Recurring extends Omit<LoggedEntry, 'at'> {
  /** After the disk was full. */
  afterMinutes: number
  everyMinutes: number
}

/** In the order of cause and effect: the database of the directory can't grow, so it no longer replicates, so names go stale. */
const ENTRIES: readonly Recurring[] = [
  {
    log: 'Directory Service',
    program: 'NTDS ISAM',
    level: 'error',
    text: 'NTDS (708) NTDSA: The database engine could not extend the file "C:\\Windows\\NTDS\\ntds.dit": there is not enough space on the disk.',
    afterMinutes: 2,
    everyMinutes: 20,
  },
  {
    log: 'Directory Service',
    program: 'NTDS Replication',
    level: 'error',
    text: 'Event 1084: Internal event: Active Directory Domain Services could not update an object received from source domain controller ACME-DC-02. Replication failed with error 8409: A database error has occurred.',
    afterMinutes: 9,
    everyMinutes: 15,
  },
  {
    log: 'DNS Server',
    program: 'Microsoft-Windows-DNS-Server-Service',
    level: 'error',
    text: 'Event 4015: The DNS server has encountered a critical error from the Active Directory. Name resolution failed for acme.example.',
    afterMinutes: 16,
    everyMinutes: 10,
  },
]

/** What one sees of it: a full disk, failed replication, failed name resolution, slow answers. It goes on until it is stopped. */
export const dcDegraded: Story = {
  about: 'ACME-DC-01 is online and unwell: its disk is full, replication and name resolution fail, it answers slowly',
  patches: patchesOf,
  async play(stage: Stage) {
    const dc = actor(stage, 'ACME-DC-01')
    const from = lastNight(stage.now, 3, 12)
    fillDisk(dc, 97, from, lastNight(stage.now, 3, 5))
    dc.answerAfter(SLOW_MS)
    let written = from
    do {
      const now = dc.now
      dc.log(ENTRIES.flatMap((entry) => occurrences(entry, from, { after: written, until: now })))
      written = now
    } while (await stage.pause(MINUTE_MS))
  },
}

function occurrences(
  { afterMinutes, everyMinutes, ...entry }: Recurring,
  from: Date,
  { after, until }: { after: Date; until: Date },
): LoggedEntry[] {
  const first = from.getTime() + afterMinutes * MINUTE_MS
  const everyMs = everyMinutes * MINUTE_MS
  const past = Math.max(0, Math.floor((after.getTime() - first) / everyMs) + 1)
  const count = Math.max(0, Math.floor((until.getTime() - first) / everyMs) + 1) - past
  return Array.from({ length: count }, (_, index) => ({ ...entry, at: new Date(first + (past + index) * everyMs) }))
}
