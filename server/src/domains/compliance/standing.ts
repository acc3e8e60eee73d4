/** How devices stand against a framework: counts of controls and devices, and the score and coverage that follow from them. */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { asksPresence, deviceConditions, type DeviceFilter } from '../devices/filter.ts'
import {
  CATALOGUE,
  codesSql,
  countControl,
  countReasons,
  type Counts,
  IS_WORKSTATION,
  type Share,
  sumOf,
  type UnknownShare,
} from './codes.ts'
import { type Control, type Framework, isAssessed, weightOf } from './frameworks/framework.ts'

export interface ControlStanding {
  control: Control
  counts: Counts
}

export interface FailingControl extends ControlStanding {
  /** The first few devices that fail it, by name. */
  examples: string[]
}

export interface Figures {
  /** Of devices and controls that were assessed, by weight; 0 to 100, rounded down. Null when nothing was assessed. */
  score: number | null
  /** The share of devices and controls that were assessed among those that could be. Null when there are none. */
  coverage: number | null
  counts: Counts
  controls: ControlStanding[]
}

export interface Standing extends Figures {
  devices: number
  /** The worst first: by weight and number of devices. */
  failing: FailingControl[]
  totalFailing: number
  unknown: UnknownShare[]
  /** The oldest look that this rests on; null when a device was never judged. */
  evaluatedAt: Date | null
}

interface ShareRow {
  standing: string | null
  workstation: boolean
  devices: number
  evaluated_at: Date | null
}

/** Devices with what they were judged, and with whatever the filter asks. */
export const judgedDevices = (filter: DeviceFilter): RawBuilder<unknown> => sql`
  devices d left join compliance_evaluations e on e.device_id = d.id
  ${asksPresence(filter) ? sql`left join device_presence p on p.device_id = d.id` : sql``}`

/** `named`: failing controls of which devices are named. */
export async function standing(tx: Tx, framework: Framework, filter: DeviceFilter, named: number): Promise<Standing> {
  const built = sql<ShareRow>`
    select case when e.catalogue = ${CATALOGUE} then e.standing end as standing, ${IS_WORKSTATION} as workstation,
      count(*) as devices, min(e.evaluated_at) as evaluated_at
    from ${judgedDevices(filter)}
    where ${sql.join(deviceConditions(filter), sql` and `)} group by 1, 2`
  const rows = await tx.all<ShareRow>({ compile: () => built.compile(query) })
  const shares = rows.map(shareOf)
  const figures = figuresOf(framework, shares)
  const failing = worstFirst(figures.controls)
  return {
    ...figures,
    devices: shares.reduce((sum, { devices }) => sum + devices, 0),
    failing: await withExamples(tx, failing.slice(0, named), filter),
    totalFailing: failing.length,
    unknown: countReasons(framework.controls, shares),
    evaluatedAt: oldest(rows),
  }
}

export const shareOf = (row: Pick<ShareRow, 'standing' | 'workstation' | 'devices'>): Share => ({
  standing: row.standing,
  isWorkstation: row.workstation,
  devices: row.devices,
})

export function figuresOf(framework: Pick<Framework, 'controls'>, shares: readonly Share[]): Figures {
  const controls = framework.controls.filter(isAssessed).map((control) => {
    return { control, counts: countControl(control, shares) }
  })
  const counts = sumOf(controls.map((one) => one.counts))
  const { passed, failed } = weighed(controls)
  return { score: scoreOf(passed, failed), coverage: coverageOf(counts), counts, controls }
}

export function weighed(controls: readonly ControlStanding[]): { passed: number; failed: number } {
  const weigh = (status: 'pass' | 'fail'): number =>
    controls.reduce((sum, { control, counts }) => sum + weightOf(control) * counts[status], 0)
  return { passed: weigh('pass'), failed: weigh('fail') }
}

function worstFirst(controls: readonly ControlStanding[]): ControlStanding[] {
  const loss = ({ control, counts }: ControlStanding): number => weightOf(control) * counts.fail
  return controls
    .filter(({ counts }) => counts.fail > 0)
    .toSorted((a, b) => loss(b) - loss(a) || (a.control.id < b.control.id ? -1 : 1))
}

const EXAMPLES = 3

async function withExamples(
  tx: Tx,
  controls: readonly ControlStanding[],
  filter: DeviceFilter,
): Promise<FailingControl[]> {
  if (controls.length === 0) return []
  const conditions = deviceConditions(filter)
  const each = controls.map(
    ({ control }, index) => sql`(
      select ${sql.lit(index)} as control, d.name, lower(d.name) as sort_key, d.id
      from ${judgedDevices(filter)}
      where ${sql.join(conditions, sql` and `)} and ${codesSql(control)} like '%f%'
      order by lower(d.name), d.id limit ${sql.lit(EXAMPLES)})`,
  )
  const built = sql<{ control: number; name: string }>`
    select control, name from (${sql.join(each, sql` union all `)}) found order by control, sort_key, id`
  const found = await tx.all<{ control: number; name: string }>({ compile: () => built.compile(query) })
  return controls.map((one, index) => ({
    ...one,
    examples: found.filter(({ control }) => control === index).map(({ name }) => name),
  }))
}

function oldest(rows: readonly ShareRow[]): Date | null {
  const times = rows.map((row) => row.evaluated_at)
  if (times.length === 0 || times.includes(null)) return null
  return new Date(Math.min(...times.map((at) => at?.getTime() ?? 0)))
}

/** By weight passed and failed; null when nothing was assessed, which is neither 0 nor 100. */
export const scoreOf = (passed: number, failed: number): number | null => percent(passed, passed + failed)

export function coverageOf({ pass, fail, waived, unknown }: Counts): number | null {
  const assessed = pass + fail + waived
  return percent(assessed, assessed + unknown)
}

/** Rounded down to a tenth: 100 is all of them, and nothing else. */
const percent = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.floor((part * 1000) / whole) / 10
