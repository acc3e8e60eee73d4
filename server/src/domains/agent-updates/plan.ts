/** The plan of an update: who goes first, what must hold before the others follow. All of it is confirmed. */
import { digest } from '../../kernel/canonical.ts'
import type { Effect, Target, TransactionContext } from '../../kernel/tool.ts'
import { manyDevices } from '../commands/answer.ts'
import type { NewRollout } from '../rollouts/service.ts'
import { placed, type PlannedStages, planStages } from '../rollouts/staging.ts'
import type { UpdateInput } from './input.ts'
import { updateTarget, type UpdateTarget } from './targets.ts'
import type { UpdateDetail, UpdateTask } from './task.ts'

export interface PlannedUpdate {
  effect: Effect
  rollout: Omit<NewRollout, 'kind'>
  /** Devices that can't carry it out. */
  apart: string[]
}

export async function planUpdate(
  context: TransactionContext,
  input: UpdateInput,
  targets: readonly Target[],
): Promise<PlannedUpdate> {
  const all = targets.map(updateTarget)
  const [first] = all
  if (!first) throw new Error('an update has devices')
  const able = all.filter(({ refusal }) => refusal === undefined)
  const { version, sha256 } = first.release
  const task: UpdateTask = { version, sha256, probationSeconds: input.probation_minutes * 60, force: input.force }
  const staged = await planStages(context.tx, input, able, { patienceHours: input.patience_hours })
  const startsAt = context.now()
  return {
    apart: all.filter(({ refusal }) => refusal !== undefined).map(({ id }) => id),
    effect: effectOf(input, able, staged, first),
    rollout: {
      plan: staged.plan,
      task,
      startsAt,
      giveUpAt: new Date(startsAt.getTime() + input.give_up_hours * 3_600_000),
      devices: placed(able, staged.stages, ({ from }): UpdateDetail => ({ from, tries: 0 })),
    },
  }
}

function effectOf(
  { probation_minutes: minutes }: UpdateInput,
  devices: readonly UpdateTarget[],
  staged: PlannedStages,
  { release, upToDate }: UpdateTarget,
): Effect {
  return {
    summary:
      `Update the agent on ${manyDevices(devices.length)} (${fromTo(devices, release.version)})${staged.text}. An agent that ` +
      `the server does not let in within ${minutes} minutes goes back to its former version by itself.`,
    irreversible: ['An agent that runs the new version does not go back to an older one.'],
    warnings: [
      'Each agent starts anew. Work on a device that takes longer than ten minutes is interrupted.',
      ...(upToDate > 0 ? [`${manyDevices(upToDate)} run ${release.version} or a newer agent, and are left alone`] : []),
    ],
    binding: {
      release: release.sha256,
      devices: digest(devices.map(({ id, from }) => [id, from]).sort()).toString('hex'),
      stages: staged.digest,
    },
  }
}

const NAMED = 5

/** Such as "0.1.0 → 0.2.0 on web-1, web-2 and 3 more". */
function fromTo(devices: readonly UpdateTarget[], to: string): string {
  return [...Map.groupBy(devices, ({ from }) => from)]
    .map(([from, of]) => {
      const names = of.slice(0, NAMED).map(({ name }) => name)
      return `${from} → ${to} on ${names.join(', ')}${of.length > NAMED ? ` and ${of.length - NAMED} more` : ''}`
    })
    .join('; ')
}
