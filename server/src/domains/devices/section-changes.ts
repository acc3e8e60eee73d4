/** What became different in a section of a device's inventory: told after it is durable, and what history is made of. */
import type { SectionName, SoftwareItem } from '@breeze/contract/agent-inventory'

export interface SectionContent {
  /** `ok`, or why it could not be read. */
  status: string
  /** By the device's own clock, unless that is absurd. */
  collectedAt: Date
  /** As the contract has it; of software `{ count }`. Absent where it could not be read or was not asked for. */
  data?: unknown
}

type SoftwareName = Pick<SoftwareItem, 'source' | 'name' | 'architecture'>
export interface SoftwareDifference {
  added: readonly (SoftwareName & { version: string })[]
  removed: readonly (SoftwareName & { version: string })[]
  updated: readonly (SoftwareName & { from: string; to: string })[]
}

export interface SectionChange {
  deviceId: string
  section: SectionName
  /**
   * Null: the first report. Its data is what was last known, also where the last attempt to read it failed, and is there for
   * the sections of COMPARED only.
   */
  before: SectionContent | null
  after: SectionContent
  /** Of the section software, where a list was known before: what differs in names and versions. */
  software?: SoftwareDifference
}

/** Sections whose content before a change is read, because what changed in them is told. */
export const COMPARED = [
  'identity',
  'os',
  'cpu',
  'memory',
  'disks',
  'network',
  'services',
  'users',
  'posture',
  'certificates',
] as const satisfies readonly SectionName[]
