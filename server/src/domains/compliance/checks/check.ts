/** What a check is: a pure function from a device's facts to a verdict with its evidence. */
import type { Severity } from '../severity.ts'
import type { Result } from '../tables.ts'
import type { DeviceFacts } from './facts.ts'

/** Why a verdict could not be given. */
export const UNKNOWN_REASONS = [
  'not_evaluated',
  'no_data',
  'stale',
  'no_permission',
  'unsupported',
  'error',
  'incomplete',
  'not_configured',
  'not_measured',
] as const
export type UnknownReason = (typeof UNKNOWN_REASONS)[number]

/** Limits and lists that a partner or an organization may set. */
export interface Rules {
  reportingDays: number
  serverStaleHours: number
  workstationStaleDays: number
  patchDays: number
  rebootDays: number
  definitionsDays: number
  screenLockMinutes: number
  dormantDays: number
  /** Names of accounts. Null: nobody said who may be an administrator. */
  allowedAdministrators: readonly string[] | null
}

export const DEFAULT_RULES: Rules = {
  reportingDays: 7,
  serverStaleHours: 24,
  workstationStaleDays: 14,
  patchDays: 14,
  rebootDays: 7,
  definitionsDays: 3,
  screenLockMinutes: 15,
  dormantDays: 45,
  allowedAdministrators: null,
}

/** Where something was read. */
export interface Provenance {
  source: string | null
  /** By the device's clock, ISO 8601. */
  collectedAt: string | null
}

export interface Verdict extends Provenance {
  result: Result
  /** Exactly when it is unknown. */
  reason: UnknownReason | null
  /** What was seen, in our words: it holds no text of the device and nothing that moves with the clock. */
  seen: string
  /** What of the device it is about, in the device's words. */
  items: readonly string[]
}

export interface Check {
  /** Public: frameworks, waivers and filters name it. */
  id: string
  /** Rises when the rule changes. */
  version: number
  title: string
  /** What passes, in one sentence. */
  passes(rules: Rules): string
  severity: Severity
  judge(facts: DeviceFacts, rules: Rules): Verdict
}

const MOST_ITEMS = 50
const LONGEST_ITEM = 300
const NOWHERE: Provenance = { source: null, collectedAt: null }

function verdict(result: Result, seen: string, at: Provenance, items: readonly string[]): Verdict {
  return {
    result,
    reason: null,
    seen,
    items: items.slice(0, MOST_ITEMS).map((item) => item.slice(0, LONGEST_ITEM).toWellFormed()),
    source: at.source,
    collectedAt: at.collectedAt,
  }
}

export const pass = (at: Provenance, seen: string, items: readonly string[] = []): Verdict =>
  verdict('pass', seen, at, items)

export const fail = (at: Provenance, seen: string, items: readonly string[] = []): Verdict =>
  verdict('fail', seen, at, items)

export const notApplicable = (seen: string, at: Provenance = NOWHERE): Verdict =>
  verdict('not_applicable', seen, at, [])

export const unknown = (
  reason: UnknownReason,
  seen: string,
  at: Provenance = NOWHERE,
  items: readonly string[] = [],
): Verdict => ({ ...verdict('unknown', seen, at, items), reason })
