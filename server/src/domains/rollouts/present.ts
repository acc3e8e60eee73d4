/** How far a rollout came, in words and as data. */
import { z } from 'zod'
import type { RolloutView } from './reads.ts'

const count = z.number().int()
export const rolloutShape = z.object({
  state: z.string(),
  reason: z.string().nullable(),
  stages: z.array(z.object({ name: z.string(), devices: count, succeeded: count, failed: count, state: z.string() })),
  next_at: z.string().nullable(),
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
  ].join('\n')
}
