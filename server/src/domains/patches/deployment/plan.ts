/** The plan of a deployment: who goes first, what must hold before the others follow, and when. All of it is confirmed. */
import { digest } from '../../../kernel/canonical.ts'
import { conflict, invalidInput } from '../../../kernel/errors.ts'
import type { Effect, Target, TransactionContext } from '../../../kernel/tool.ts'
import { manyDevices } from '../../commands/answer.ts'
import type { NewRollout } from '../../rollouts/service.ts'
import { placed, type PlannedStages, planStages } from '../../rollouts/staging.ts'
import type { DeployInput } from './input.ts'
import { deployTarget, type DeployTarget, scriptsOf } from './targets.ts'
import type { DeploymentTask } from './task.ts'

export interface PlannedDeployment {
  effect: Effect
  rollout: Omit<NewRollout, 'kind'>
  /** Devices that can't carry it out. */
  apart: string[]
}

export async function planDeployment(
  context: TransactionContext,
  input: DeployInput,
  targets: readonly Target[],
): Promise<PlannedDeployment> {
  const { now, services, tx } = context
  const all = targets.map(deployTarget)
  const able = all.filter(({ refusal }) => refusal === undefined)
  const apart = all.filter(({ refusal }) => refusal !== undefined).map(({ id }) => id)
  const startsAt = input.when === 'now' || input.when === 'next_window' ? now() : new Date(input.when)
  if (input.when === 'next_window' && input.ignore_windows)
    throw invalidInput('when: next_window and ignore_windows exclude each other.', 'Give when "now" or a time.')
  const planned = await planStages(tx, input, able, { patienceHours: input.patience_hours })
  const task = taskOf(input)
  const ids = able.map(({ id }) => id)
  const openings = await services.maintenance.openings(tx, ids, startsAt)
  const windowless = ids.filter((id) => !openings.get(id)?.now && !openings.get(id)?.next)
  if (task.windows === 'require' && windowless.length === ids.length && ids.length > 0)
    throw conflict(
      'No maintenance window covers any of these devices.',
      'Make one with manage_maintenance_windows, or give when "now" or a time.',
    )
  return {
    apart,
    effect: effectOf(input, able, planned, task, windowless.length),
    rollout: {
      plan: planned.plan,
      task,
      startsAt,
      giveUpAt: new Date(startsAt.getTime() + input.give_up_hours * 3_600_000),
      devices: placed(able, planned.stages, ({ updates }) => ({ updates })),
    },
  }
}

function taskOf(input: DeployInput): DeploymentTask {
  return {
    windows: input.ignore_windows ? 'ignore' : input.when === 'next_window' ? 'require' : 'respect',
    catchUp: input.catch_up,
    timeoutSeconds: input.timeout_minutes * 60,
    reboot: { policy: input.reboot, at: input.reboot_at },
    ...scriptsOf(input),
  }
}

function effectOf(
  input: DeployInput,
  devices: readonly DeployTarget[],
  planned: PlannedStages,
  task: DeploymentTask,
  windowless: number,
): Effect {
  const different = new Set(devices.flatMap(({ updates }) => updates.map((update) => update.article ?? update.name)))
  const left = devices[0]?.left
  return {
    summary:
      `Install ${different.size} different update${different.size === 1 ? '' : 's'} on ${manyDevices(devices.length)}, ` +
      `${whenText(input, task)}${planned.text}. ${REBOOT_TEXT[input.reboot](input.reboot_at)}`,
    irreversible: [
      'Breeze does not take installed updates back.',
      ...(input.reboot === 'never' ? [] : ['Unsaved work on devices that restart is lost.']),
    ],
    warnings: [
      ...(left && left.devices > 0 ? [`${manyDevices(left.devices)} lack nothing of it and are left alone`] : []),
      ...(left && left.blocked > 0 ? [`${left.blocked} updates are blocked by a rule`] : []),
      ...(left && left.not_yet + left.not_approved > 0
        ? [`${left.not_yet + left.not_approved} updates are not approved, or not yet`]
        : []),
      ...(task.windows === 'require' && windowless > 0
        ? [`${manyDevices(windowless)} have no maintenance window and are passed over`]
        : []),
    ],
    binding: {
      updates: digest(devices.map(({ id, updates }) => [id, updates]).sort()).toString('hex'),
      stages: planned.digest,
    },
  }
}

function whenText({ when }: DeployInput, { windows }: DeploymentTask): string {
  if (windows === 'require') return 'each in its maintenance window'
  const start = when === 'now' ? 'at once' : `from ${when}`
  return windows === 'ignore'
    ? `${start}, outside maintenance windows too`
    : `${start}, those with maintenance windows inside them`
}

const REBOOT_TEXT: Record<DeployInput['reboot'], (at: string) => string> = {
  never: () => 'Nothing is restarted.',
  if_required: (at) => `Devices that ask for it are restarted ${at.replace('_', ' ')}.`,
  always: (at) => `Every device is restarted ${at.replace('_', ' ')}.`,
}
