/**
 * A device's verdicts as one text, a character for each check in the order of the catalogue: f fails, w fails and is waived,
 * p passes, n does not apply; a digit is unknown, for the reason of that number. Thousands of devices share few such texts.
 */
import { createHash } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { SERVER_LIKE } from '../devices/scope.ts'
import { CHECK_IDS, CHECKS } from './checks/all.ts'
import { UNKNOWN_REASONS } from './checks/check.ts'
import type { Control } from './frameworks/framework.ts'
import { type Status, STATUSES } from './tables.ts'

/** Changes with the checks, their order and their versions: a text that was made by another one says nothing. */
export const CATALOGUE = createHash('sha256')
  .update(CHECKS.map(({ id, version }) => `${id} ${version}`).join('\n'))
  .digest('base64url')
  .slice(0, 12)

const POSITIONS: ReadonlyMap<string, number> = new Map(CHECK_IDS.map((id, index) => [id, index]))
/** Of a device that was not judged. */
const NOTHING = '0'.repeat(CHECK_IDS.length)
const NOT_APPLICABLE = 'n'

const CODES: Readonly<Record<string, Status>> = { f: 'fail', w: 'waived', p: 'pass', n: 'not_applicable' }
const statusOf = (code: string): Status => CODES[code] ?? 'unknown'

/** Of rows of `compliance_results r`. */
export const CODE_SQL = `case r.result
  when 'fail' then case when r.waiver_id is null then 'f' else 'w' end
  when 'pass' then 'p'
  when 'not_applicable' then 'n'
  else (array_position('{${UNKNOWN_REASONS.join(',')}}'::text[], coalesce(r.reason, 'not_evaluated')) - 1)::text end`

type Asked = Pick<Control, 'checks' | 'devices'>

const positionsOf = ({ checks }: Asked): number[] => checks.flatMap((check) => POSITIONS.get(check) ?? [])

const applies = ({ devices }: Asked, isWorkstation: boolean): boolean =>
  devices === undefined || (devices === 'workstations') === isWorkstation

/** How many devices share a text. */
export interface Share {
  /** Null: not judged. */
  standing: string | null
  isWorkstation: boolean
  devices: number
}

export type Counts = Record<Status, number>
export const noCounts = (): Counts => ({ fail: 0, unknown: 0, waived: 0, pass: 0, not_applicable: 0 })

/** By the worst of the control's checks. */
export function countControl(control: Asked, shares: readonly Share[]): Counts {
  const positions = positionsOf(control)
  const counts = noCounts()
  for (const { standing, isWorkstation, devices } of shares) {
    const status = applies(control, isWorkstation) ? worst(standing ?? NOTHING, positions) : 'not_applicable'
    counts[status] += devices
  }
  return counts
}

const RANK: Readonly<Record<Status, number>> = { fail: 4, unknown: 3, waived: 2, pass: 1, not_applicable: 0 }

function worst(standing: string, positions: readonly number[]): Status {
  let found: Status = 'not_applicable'
  for (const position of positions) {
    const status = statusOf(standing[position] ?? '0')
    if (RANK[status] > RANK[found]) found = status
  }
  return found
}

export interface UnknownShare {
  reason: string
  devices: number
}

/** Devices with unknown checks, by reason; a device may have several. */
export function countReasons(controls: readonly Asked[], shares: readonly Share[]): UnknownShare[] {
  const found = new Map<string, number>()
  for (const { standing, isWorkstation, devices } of shares) {
    const asked = controls.filter((control) => applies(control, isWorkstation)).flatMap(positionsOf)
    const codes = new Set(asked.map((position) => (standing ?? NOTHING)[position] ?? '0'))
    for (const code of codes) {
      if (statusOf(code) === 'unknown') found.set(code, (found.get(code) ?? 0) + devices)
    }
  }
  return [...found]
    .map(([code, devices]) => ({ reason: reasonOf(code), devices }))
    .toSorted((a, b) => b.devices - a.devices || (a.reason < b.reason ? -1 : 1))
}

const reasonOf = (code: string): string => UNKNOWN_REASONS[Number(code)] ?? 'error'

/** A device of an unknown role counts as a workstation, as its facts do. */
const SERVERS = `'{${SERVER_LIKE.join(',')}}'::text[]`
export const IS_WORKSTATION_SQL = `(d.role <> all (${SERVERS}))`
export const IS_WORKSTATION = sql.raw<boolean>(IS_WORKSTATION_SQL)

/** The characters of a control's checks; of rows of `devices d` and, where they were judged, `compliance_evaluations e`. */
export function codesSql(control: Asked): RawBuilder<string> {
  const standing = sql`coalesce(case when e.catalogue = ${CATALOGUE} then e.standing end, ${NOTHING})`
  const characters = positionsOf(control).map((position) => sql`substr(${standing}, ${sql.lit(position + 1)}, 1)`)
  const joined = characters.length === 0 ? sql`${NOT_APPLICABLE}` : sql`${sql.join(characters, sql` || `)}`
  if (control.devices === undefined) return sql<string>`(${joined})`
  const isAsked = control.devices === 'workstations' ? IS_WORKSTATION : sql`not ${IS_WORKSTATION}`
  return sql<string>`(case when ${isAsked} then ${joined} else ${NOT_APPLICABLE} end)`
}

/** Of characters: what `worst` is in the database. */
export const statusSql = (codes: RawBuilder<unknown>): RawBuilder<Status> => sql<Status>`case
  when ${codes} like '%f%' then 'fail' when ${codes} ~ '[0-9]' then 'unknown' when ${codes} like '%w%' then 'waived'
  when ${codes} like '%p%' then 'pass' else 'not_applicable' end`

export const hasReasonSql = (codes: RawBuilder<unknown>, reason: string): RawBuilder<boolean> =>
  sql<boolean>`${codes} like ${`%${UNKNOWN_REASONS.findIndex((known) => known === reason)}%`}`

export const sumOf = (all: readonly Counts[]): Counts => {
  const sum = noCounts()
  for (const counts of all) for (const status of STATUSES) sum[status] += counts[status]
  return sum
}
