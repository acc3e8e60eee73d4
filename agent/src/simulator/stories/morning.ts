import type { SectionData } from '@breeze/contract/agent-inventory'
import type { Facts } from '../facts.ts'
import type { PlannedDevice } from '../fleet.ts'
import { patchNight } from '../patch-night.ts'
import { seededHex } from '../seeded.ts'
import type { Patches } from '../updates.ts'
import { busy, fillDisk } from './courses.ts'
import { actor, lastNight, type Stage, type Story } from './story.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** Nearly full, but not in danger. */
const FULL_DISKS: readonly (readonly [name: string, percent: number])[] = [
  ['Contoso-PC-20', 82],
  ['Contoso-PC-21', 84],
  ['Contoso-LT-05', 81],
  ['ACME-PC-03', 86],
  ['Northwind-PC-02', 83],
  ['Harbor-FS-01', 85],
]
const EXPIRING: readonly (readonly [name: string, days: number])[] = [
  ['Contoso-WEB-01', 33],
  ['Contoso-WEB-02', 38],
  ['Contoso-TS-01', 42],
  ['ACME-SQL-01', 47],
  ['Harbor-DC-01', 55],
]
const BUSY: readonly (readonly [name: string, process: string])[] = [
  ['Contoso-PC-22', 'SearchIndexer.exe'],
  ['ACME-PC-05', 'chrome.exe'],
]

/** Of the whole fleet only what the story tells: what others lack would be another story. */
export function patchesOf(fleet: readonly PlannedDevice[], now: Date): (device: PlannedDevice) => Patches {
  const night = patchNight(fleet, now.getTime())
  return ({ name }) => night.get(name) ?? { pending: [], history: [] }
}

/** 2 critical, 5 high, 11 low. What has to hold for a while before it is an alert begins that much earlier. */
export const morning: Story = {
  about: 'a night with 2 critical, 5 high and 11 low alerts, all still open',
  patches: patchesOf,
  async play(stage: Stage) {
    const { now } = stage
    fillDisk(actor(stage, 'ACME-DC-01'), 97, lastNight(now, 3, 12), lastNight(now, 3, 5))
    actor(stage, 'Contoso-SQL-02').tellService('MSSQLSERVER', 'stopped', lastNight(now, 4, 46))
    for (const [name, process] of BUSY) {
      const device = actor(stage, name)
      device.follow(busy(device.facts, process, lastNight(now, 1, 50)), lastNight(now, 1, 45))
    }
    for (const [index, [name, percent]] of FULL_DISKS.entries()) {
      const from = lastNight(now, 1, 7 * index)
      fillDisk(actor(stage, name), percent, from, new Date(from.getTime() - 5 * MINUTE_MS))
    }
    for (const [name, days] of EXPIRING) {
      const device = actor(stage, name)
      device.tell('certificates', certificates(device.facts, now, days), lastNight(now, 2, 30))
    }
  },
}

function certificates({ hostname }: Facts, now: Date, days: number): SectionData<'certificates'> {
  const name = `${hostname}.example`.toLowerCase()
  // Not to the hour: so many days remain all night and morning.
  const notAfter = new Date(now.getTime() + (days + 0.5) * DAY_MS)
  return [
    {
      source: String.raw`Cert:\LocalMachine\My`,
      subject: `CN=${name}`,
      issuer: `CN=${hostname.split('-')[0]} Issuing CA`,
      notAfter: notAfter.toISOString(),
      fingerprint: seededHex(`${hostname}\n${days}`, 64),
    },
  ]
}
