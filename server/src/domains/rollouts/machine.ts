/**
 * The rollout guard: a change over many devices goes stage by stage, and each must prove itself before the next begins. Pure:
 * it is told how far the stages came and what time it is, and answers what follows.
 */
export const ROLLOUT_STATES = ['running', 'soaking', 'paused', 'stopped', 'cancelled', 'finished'] as const
export type RolloutState = (typeof ROLLOUT_STATES)[number]
export const isOver = (state: RolloutState): boolean => state === 'cancelled' || state === 'finished'

export interface RolloutPlan {
  stages: readonly { name: string; devices: number }[]
  /** Of the devices of a stage that told an outcome, so many must have succeeded. */
  minSuccessPercent: number
  /** Between a stage that passed and the next: trouble may show late. */
  soakMinutes: number
  /** How long a stage waits for devices that can't be reached before it is judged without them. */
  patienceHours: number
  /** Those that it waited for in vain never begin; otherwise they still do when they come back. */
  passesOver?: boolean
}

/** Of the devices of one stage. */
export interface StageTally {
  /** Not begun, or commanded and nothing heard of yet: offline, or outside its window. */
  absent: number
  working: number
  succeeded: number
  failed: number
  /** Told an outcome, and something is still to be done: a restart at its own time. */
  trailing: number
}

export interface Progress {
  state: RolloutState
  startsAt: Date
  /** The last stage that has begun. */
  stage: number | null
  soakUntil: Date | null
  patienceUntil: Date | null
  /** One for each stage. */
  tallies: readonly StageTally[]
}

export type Step =
  | { step: 'wait' }
  | { step: 'begin'; stage: number }
  | { step: 'soak'; until: Date }
  | { step: 'stop'; reason: string }
  | { step: 'finish' }

const WAIT: Step = { step: 'wait' }

export function nextStep(plan: RolloutPlan, progress: Progress, now: Date): Step {
  const { state, stage } = progress
  if (state !== 'running' && state !== 'soaking') return WAIT
  if (stage === null) return progress.startsAt <= now ? { step: 'begin', stage: 0 } : WAIT
  const tally = progress.tallies[stage]
  if (!tally) return WAIT
  const isLast = stage === plan.stages.length - 1
  // Where nothing is left to begin there is nothing to keep from beginning.
  const reason = isLast && tally.absent === 0 ? null : beyondGate(plan, progress.tallies.slice(0, stage + 1))
  if (reason !== null) return { step: 'stop', reason }
  if (tally.working > 0) return WAIT
  if (tally.absent > 0 && (isLast || !isPast(progress.patienceUntil, now))) return WAIT
  if (isLast) return progress.tallies.every(isSettled) ? { step: 'finish' } : WAIT
  if (tally.succeeded === 0) return { step: 'stop', reason: `Nothing was proven by stage "${nameOf(plan, stage)}".` }
  return afterStage(plan, progress, stage, now)
}

function afterStage(plan: RolloutPlan, { soakUntil }: Progress, stage: number, now: Date): Step {
  if (plan.soakMinutes === 0) return { step: 'begin', stage: stage + 1 }
  if (soakUntil === null) return { step: 'soak', until: new Date(now.getTime() + plan.soakMinutes * 60_000) }
  return soakUntil <= now ? { step: 'begin', stage: stage + 1 } : WAIT
}

/** Why a stage can't reach its gate any more, whatever its other devices tell; null while all still may. */
function beyondGate(plan: RolloutPlan, begun: readonly StageTally[]): string | null {
  for (const [stage, { absent, working, succeeded, failed }] of begun.entries()) {
    const most = absent + working + succeeded + failed
    if (failed === 0 || (100 * (most - failed)) / most >= plan.minSuccessPercent) continue
    const told = succeeded + failed
    return `Stage "${nameOf(plan, stage)}": ${failed} of ${told} devices failed; at least ${plan.minSuccessPercent} % must succeed.`
  }
  return null
}

const nameOf = (plan: RolloutPlan, stage: number): string => plan.stages[stage]?.name ?? String(stage + 1)
const isPast = (until: Date | null, now: Date): boolean => until !== null && until <= now
const isSettled = ({ absent, working, trailing }: StageTally): boolean => absent + working + trailing === 0
