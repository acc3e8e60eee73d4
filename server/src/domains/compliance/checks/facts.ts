/** What checks know of a device, and how they read it: a fact that is missing, refused or stale is unknown, never a failure. */
import type { Posture, SectionData } from '@breeze/contract/agent-inventory'
import { isServerLike } from '../../devices/scope.ts'
import type { DeviceRole, Platform } from '../../devices/tables.ts'
import type { Lacking } from '../../patches/lacking.ts'
import { type Check, type Provenance, type Rules, type UnknownReason, unknown, type Verdict } from './check.ts'

/** A section as it is stored. */
export interface StoredFact<Data> {
  status: string
  source: string
  collectedAt: string
  /**
   * By the server's clock: an agent reads its facts again and again, names the hash of each with every heartbeat, and sends
   * what differs. A fact that was not sent anew is confirmed by the device's last word.
   */
  confirmedAt: Date
  detail: string | null
  /** Null where the status is not `ok`, or the data is not what this version of the protocol says. */
  data: Data | null
}

/** Of the services only those that keep records of what happens. */
export type LogService = Pick<SectionData<'services'>[number], 'name' | 'state'>

/** What a table of releases says of the device's system. */
export interface Support {
  state: 'supported' | 'ended' | 'unknown'
  release: string | null
  /** `YYYY-MM-DD`, the last day. */
  supportedUntil: string | null
  source: string
  asOf: string
}

export interface DeviceFacts {
  now: Date
  role: DeviceRole
  platform: Platform
  enrolledAt: Date
  lastSeenAt: Date | null
  os: StoredFact<SectionData<'os'>> | null
  /** Null where there is no such table, or the system is not known. */
  support: Support | null
  users: StoredFact<SectionData<'users'>> | null
  posture: StoredFact<Posture> | null
  logServices: StoredFact<readonly LogService[]> | null
  software: StoredFact<{ count: number }> | null
  updates: StoredFact<Lacking> | null
  /** Since when a restart is known to be due; ISO 8601. */
  rebootPendingSince: string | null
}

export interface Found<Data> {
  data: Data
  at: Provenance
  detail: string | null
}
export type Read<Data> = Found<Data> | { unknown: Verdict }

const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** After this long without a word from the device, what it said is not taken for what is. */
export const staleAfterMs = (role: DeviceRole, rules: Rules): number =>
  isServerLike(role) ? rules.serverStaleHours * HOUR_MS : rules.workstationStaleDays * DAY_MS

export function read<Data>(fact: StoredFact<Data> | null, facts: DeviceFacts, rules: Rules): Read<Data> {
  if (fact === null) return { unknown: unknown('no_data', 'The agent has not reported this yet.') }
  const at = { source: fact.source, collectedAt: fact.collectedAt }
  if (facts.now.getTime() - fact.confirmedAt.getTime() > staleAfterMs(facts.role, rules)) {
    return { unknown: unknown('stale', `Last confirmed on ${day(fact.confirmedAt)}: too old to count.`, at) }
  }
  if (fact.status === 'ok' && fact.data !== null) return { data: fact.data, at, detail: fact.detail }
  return { unknown: unreadable(fact.status, fact.detail, at) }
}

/** One thing of the device's protection, which has its own status. */
export function readPosture<Name extends keyof Posture>(
  name: Name,
  facts: DeviceFacts,
  rules: Rules,
): Read<NonNullable<Posture[Name]['data']>> {
  const whole = read(facts.posture, facts, rules)
  if ('unknown' in whole) return whole
  // Every finding has this shape with data of its own; the union over names can't say so.
  const finding = whole.data[name] as {
    status: string
    source: string
    detail?: string
    data?: NonNullable<Posture[Name]['data']>
  }
  const at = { source: finding.source, collectedAt: whole.at.collectedAt }
  if (finding.status === 'ok' && finding.data !== undefined)
    return { data: finding.data, at, detail: finding.detail ?? null }
  return { unknown: unreadable(finding.status, finding.detail ?? null, at) }
}

/** Judges one thing of the posture where it could be read; where it could not, that is the verdict. */
export const ofPosture =
  <Name extends keyof Posture>(
    name: Name,
    judge: (found: Found<NonNullable<Posture[Name]['data']>>, facts: DeviceFacts, rules: Rules) => Verdict,
  ): Check['judge'] =>
  (facts, rules) => {
    const found = readPosture(name, facts, rules)
    return 'unknown' in found ? found.unknown : judge(found, facts, rules)
  }

const REASONS: Readonly<Record<string, UnknownReason>> = {
  no_permission: 'no_permission',
  unsupported: 'unsupported',
}
const SAID: Partial<Record<UnknownReason, string>> = {
  no_permission: 'The agent may not read this.',
  unsupported: 'The device does not tell this.',
}

function unreadable(status: string, detail: string | null, at: Provenance): Verdict {
  const reason = REASONS[status] ?? 'error'
  return unknown(reason, SAID[reason] ?? 'It could not be read.', at, detail === null ? [] : [detail])
}

/** To the day, so that a verdict does not change with every look. */
export const day = (at: Date | string): string => new Date(at).toISOString().slice(0, 10)
