/** How far a rollout came, in words and as data. */
import { z } from 'zod'
import type { RolloutView } from './reads.ts'

const count = z.number().int()
export const rolloutShape = z.object({
  state: z.string(),
  reason: z.string().nullable(),
  stages: z.array(z.object({ name: z.string(), devices: count, succeeded: count, failed: count, state: z.string() })),
  next_at: z.string().nullable(),
  undoes: z.string().optional().describe('The operation that it takes back.'),
  rolled_back_by: z.string().optional().describe('The latest operation that takes it back.'),
})

export function presentRollout(view: RolloutView): z.input<typeof rolloutShape> {
  const { rollout, tallies } = view
  return {
    state: rollout.state,
    reason: rollout.reason,
    stages: rollout.plan.stages.map(({ name, devices }, stage) => ({
      name,
      devices,
      succeeded: tallies[stage]?.succeeded ?? 0,
      failed: tallies[stage]?.failed ?? 0,
      state: stageState(view, stage),
    })),
    next_at: (rollout.state === 'soaking' ? rollout.soakUntil : nextStart(view))?.toISOString() ?? null,
    ...(view.undoes !== null && { undoes: view.undoes }),
    ...(view.rolledBackBy !== null && { rolled_back_by: view.rolledBackBy }),
  }
}

const nextStart = ({ rollout }: RolloutView): Date | null => (rollout.stage === null ? rollout.startsAt : null)

function stageState({ rollout, tallies }: RolloutView, stage: number): string {
  if (rollout.stage === null || stage > rollout.stage) return 'waiting'
  const { absent = 0, working = 0 } = tallies[stage] ?? {}
  if (absent + working === 0) return 'done'
  return working > 0 ? 'running' : 'waiting for its devices'
}

export function rolloutText(view: RolloutView): string {
  const { state, reason, stages, next_at: next } = presentRollout(view)
  const told = stages.map(
    ({ name, devices, succeeded, failed, state: of }) =>
      `${name} (${devices}): ${of === 'waiting' ? of : `${succeeded} succeeded, ${failed} failed${of === 'done' ? '' : `, ${of}`}`}`,
  )
  return [
    `Rollout ${state}${reason === null ? '' : `: ${reason}`}${next === null ? '' : `, next at ${next}`}.`,
    `Stages: ${told.join('; ')}.`,
    ...(view.undoes === null ? [] : [`It takes back ${view.undoes}.`]),
    ...(view.rolledBackBy === null ? [] : [`Rolled back by ${view.rolledBackBy}.`]),
  ].join('\n')
}
