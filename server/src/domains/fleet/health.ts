/**
 * How well a part of the fleet does, in one number with its reasons. The number is over the devices that are assessed: those
 * that are heard from now. An offline device has been silent for three intervals or more, so what it last said is no longer
 * taken for its state.
 */
import type { PlaceScore } from '../compliance/latest.ts'
import type { SeverityCounts } from '../alerts/severities.ts'
import { SEVERITIES, type Severity } from '../alerts/tables.ts'

export interface PatchCounts {
  up_to_date: number
  missing: number
  failed: number
  unknown: number
}

export interface PartFacts {
  online: number
  offline: number
  pending: number
  /** Of the offline ones, those not heard from for a week. */
  silent: number
  /** Null: not the caller's to read. */
  alerts: SeverityCounts | null
  patches: PatchCounts | null
  /** By weight, as it stood at the last look; null: not the caller's to read, or nothing was kept. */
  compliance: PlaceScore | null
}

export interface Health {
  /** 0 to 100; null where nothing is known. */
  score: number | null
  /** In words, what weighs most first. */
  reasons: string[]
}

/** How much of a device an alert takes away. */
const COST: Record<Severity, number> = { critical: 1, high: 0.5, medium: 0.2, low: 0.05, info: 0 }

export function healthOf(facts: PartFacts): Health {
  return { score: scoreOf(facts), reasons: reasonsOf(facts) }
}

function scoreOf({ online, alerts }: PartFacts): number | null {
  if (online === 0 || alerts === null) return null
  const lost = SEVERITIES.reduce((sum, severity) => sum + COST[severity] * alerts[severity], 0)
  const score = 100 * (1 - lost / online)
  // Something that is wrong never rounds to nothing wrong.
  return lost === 0 ? 100 : Math.min(99, Math.max(0, Math.round(score)))
}

const of = (count: number, total: number): string => `${count} of ${total}`

function reasonsOf(facts: PartFacts): string[] {
  const { online, offline, pending, silent, alerts, patches } = facts
  const total = online + offline + pending
  const serious = alerts === null ? [] : SEVERITIES.filter((severity) => severity !== 'info' && alerts[severity] > 0)
  return [
    ...(total === 0 ? ['no devices'] : []),
    ...(total > 0 && online === 0 ? ['no device is heard from, so nothing is known'] : []),
    ...(alerts === null ? ['alerts are not yours to read, so there is no score'] : []),
    ...serious.map((severity) => `${alerts?.[severity]} ${severity} alert${alerts?.[severity] === 1 ? '' : 's'}`),
    ...(online > 0 && offline > 0 ? [`${of(offline, total)} devices offline, not assessed`] : []),
    ...(silent > 0 ? [`${silent} not heard from for over a week`] : []),
    ...(patches === null ? [] : patchReasons(patches)),
    ...(pending > 0 ? [`${pending} never connected`] : []),
  ]
}

function patchReasons({ failed, missing, unknown }: PatchCounts): string[] {
  return [
    ...(failed > 0 ? [`updates failed on ${failed}`] : []),
    ...(missing > 0 ? [`updates missing on ${missing}`] : []),
    ...(unknown > 0 ? [`patch state of ${unknown} unknown`] : []),
  ]
}

/**
 * The worst first. What nothing is known of comes after whatever is known to be wrong, and before what is well: a customer
 * whose machines are off at night is no emergency, and no success either.
 */
export function byHealth(a: Ranked, b: Ranked): number {
  return rank(a) - rank(b) || weight(b.facts) - weight(a.facts) || a.name.localeCompare(b.name, 'en')
}

interface Ranked {
  name: string
  facts: PartFacts
  health: Health
}

const rank = ({ health }: Ranked): number => health.score ?? 99.5
/** Among equals, where more is wrong. */
const weight = ({ alerts, silent, patches }: PartFacts): number =>
  (alerts === null ? 0 : alerts.critical * 1000 + alerts.high * 100 + alerts.medium * 10 + alerts.low) +
  silent +
  (patches?.failed ?? 0)

const NONE: PartFacts = {
  online: 0,
  offline: 0,
  pending: 0,
  silent: 0,
  alerts: { critical: 0, high: 0, medium: 0, low: 0, info: 0 },
  patches: { up_to_date: 0, missing: 0, failed: 0, unknown: 0 },
  compliance: null,
}

/** What is not known of a part is not known of the whole; but for compliance, whose score is over what was assessed anyway. */
export function together(parts: readonly PartFacts[]): PartFacts {
  return parts.reduce<PartFacts>(
    (sum, part) => ({
      online: sum.online + part.online,
      offline: sum.offline + part.offline,
      pending: sum.pending + part.pending,
      silent: sum.silent + part.silent,
      alerts: sum.alerts && part.alerts && plus(sum.alerts, part.alerts),
      patches: sum.patches && part.patches && plus(sum.patches, part.patches),
      compliance:
        sum.compliance && part.compliance ? plus(sum.compliance, part.compliance) : (sum.compliance ?? part.compliance),
    }),
    NONE,
  )
}

function plus<Counts extends object>(a: Counts, b: Counts): Counts {
  // Both have the same keys, all of them numbers.
  const entries = Object.entries(a) as [keyof Counts, number][]
  return Object.fromEntries(entries.map(([key, n]) => [key, n + Number(b[key])])) as Counts
}
