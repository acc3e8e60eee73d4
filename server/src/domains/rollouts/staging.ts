/** How a call asks for stages, and the plan that follows from it: who goes first and what must hold before the others follow. */
import { z } from 'zod'
import { asList, nameField } from '../../identity/fields.ts'
import { digest } from '../../kernel/canonical.ts'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { leaveOut } from '../../kernel/operations.ts'
import { operationOf, type RunContext, type Target } from '../../kernel/tool.ts'
import { manyDevices } from '../commands/answer.ts'
import { deviceIds, placeOf, selectionFields } from '../devices/select.ts'
import type { RolloutPlan } from './machine.ts'
import type { NewRollout } from './service.ts'
import { defaultRings, type Ring, split, type Stage } from './stages.ts'

/** A bound that nobody has to know beforehand. */
export const upTo = (most: number, least = 1) =>
  z
    .number()
    .int()
    .min(least)
    .refine((value) => value <= most, `must be at most ${most}`)

const ring = z.strictObject({
  name: nameField.max(40).optional(),
  devices: selectionFields.devices,
  count: upTo(5000).optional(),
  percent: upTo(100).optional(),
})
export const ringsField = z.array(ring).max(10).optional()
export const gateFields = {
  min_success_percent: upTo(100).default(90),
  soak_minutes: upTo(10_080, 0).default(60),
}

/** Of a tool that acts on all devices at once unless stages are asked for. */
export const stagingFields = {
  stages: ringsField.describe('Canary first, else all at once; [] for the usual, the rest is last:'),
  ...gateFields,
}

export interface Staging {
  rings?: z.output<typeof ringsField>
  min_success_percent: number
  soak_minutes: number
}

export interface PlannedStages {
  stages: Stage[]
  plan: RolloutPlan
  /** `, in 2 stages: …`; empty where there is but one. */
  text: string
  /** Of who is in which stage: part of what is confirmed. */
  digest: string
}

/** Without rings, the usual ones. */
export async function planStages(
  tx: Tx,
  { rings, min_success_percent: minSuccessPercent, soak_minutes: soakMinutes }: Staging,
  devices: readonly Target[],
  waiting: Pick<RolloutPlan, 'patienceHours' | 'passesOver'>,
): Promise<PlannedStages> {
  const stages = split(devices, rings ? await readRings(tx, rings) : defaultRings(devices.length))
  const plan: RolloutPlan = {
    stages: stages.map(({ name, deviceIds: members }) => ({ name, devices: members.length })),
    minSuccessPercent,
    soakMinutes,
    ...waiting,
  }
  return { stages, plan, text: stagesText(plan, stages, devices), digest: digest(stages).toString('hex') }
}

/** Of a tool with `stagingFields`. Null: all at once. A device is waited for `waitMinutes` from the beginning of its stage. */
export async function stagesAsked(
  tx: Tx,
  asked: Omit<Staging, 'rings'> & { stages?: Staging['rings'] },
  devices: readonly Target[],
  waitMinutes: number,
): Promise<PlannedStages | null> {
  const { stages } = asked
  if (stages === undefined) return null
  const rings = stages.length === 0 ? undefined : stages
  return planStages(tx, { ...asked, rings }, devices, { patienceHours: waitMinutes / 60, passesOver: true })
}

async function readRings(tx: Tx, rings: NonNullable<Staging['rings']>): Promise<Ring[]> {
  const found: Ring[] = []
  for (const one of rings) {
    const given = [one.devices, one.count, one.percent].filter((way) => way !== undefined)
    if (given.length !== 1) throw invalidInput('Stages: give one of devices, count and percent for each.')
    const named = asList(one.devices)
    found.push({ ...one, devices: named && (await deviceIds(tx, named)) })
  }
  return found
}

/** `devices` with what is to be known of each. */
export function placed<T extends Target>(
  devices: readonly T[],
  stages: readonly Stage[],
  detailOf: (device: T) => unknown,
): NewRollout['devices'] {
  const stageOf = new Map(stages.flatMap(({ deviceIds: members }, stage) => members.map((id) => [id, stage] as const)))
  return devices.map((device) => ({
    ...placeOf(device),
    stage: stageOf.get(device.id) ?? 0,
    detail: detailOf(device),
  }))
}

/** For pauses, and for somebody to see that it stopped. */
const SLACK_MS = 7 * 86_400_000

/** Begins at once, and has time for each of its stages. */
export function stagedRollout(
  what: { kind: string; task: unknown },
  { plan, stages }: Pick<PlannedStages, 'plan' | 'stages'>,
  devices: readonly Target[],
  now: Date,
): NewRollout {
  const each = plan.patienceHours * 3_600_000 + plan.soakMinutes * 60_000
  return {
    ...what,
    plan,
    startsAt: now,
    giveUpAt: new Date(now.getTime() + stages.length * each + SLACK_MS),
    devices: placed(devices, stages, () => ({})),
  }
}

function stagesText(
  { soakMinutes, minSuccessPercent }: RolloutPlan,
  stages: readonly Stage[],
  devices: readonly Target[],
): string {
  if (stages.length < 2) return ''
  const names = new Map(devices.map(({ id, name }) => [id, name]))
  const told = stages.map(
    (stage, index) => `${stage.name} ${stage.deviceIds.length}${index === 0 ? ` (${firstOf(stage, names)})` : ''}`,
  )
  const next = soakMinutes === 0 ? 'at once' : `${soakMinutes} minutes`
  return `, in ${stages.length} stages: ${told.join(', then ')}; stops below ${minSuccessPercent} %, each next begins ${next} after the one before`
}

const firstOf = ({ deviceIds: members }: Stage, names: ReadonlyMap<string, string>): string =>
  members
    .slice(0, 5)
    .map((id) => names.get(id) ?? id)
    .join(', ') + (members.length > 5 ? ', …' : '')

const MANY = 3

/** Of an act without stages: nobody should learn only afterwards that there was no canary. */
export const onDevices = (count: number): string => `${manyDevices(count)}${count >= MANY ? ' all at once' : ''}`

/** The act of a tool that always goes in stages. `apart`: devices that get nothing, by their ids. */
export async function beginPlanned(
  context: RunContext,
  kind: string,
  { rollout, apart }: { rollout: Omit<NewRollout, 'kind'>; apart: string[] },
): Promise<{ operation: string }> {
  const operation = operationOf(context)
  await context.services.rollouts.start(context, operation, { ...rollout, kind })
  if (apart.length > 0) await leaveOut(context.tx, operation, apart)
  return { operation }
}
