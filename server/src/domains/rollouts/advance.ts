/**
 * One look at a rollout, in one transaction that holds its row: what its devices told is taken in, and what follows is decided
 * and written. What is to be sent is answered, because sending is an act of whoever began the rollout.
 */
import type { Tx } from '../../kernel/db.ts'
import { finishOperation, type OperationState } from '../../kernel/operations.ts'
import type { Commands } from '../commands/service.ts'
import { MOST_DEVICES } from '../devices/select.ts'
import { RECALLED, type RolloutDevice, type RolloutKind } from './kind.ts'
import { nextStep, type StageTally, type Step } from './machine.ts'
import {
  changeRollout,
  type DeviceChoice,
  devicesOf,
  lockRollout,
  moveDevices,
  progressOf,
  type Rollout,
  talliesOf,
} from './rows.ts'

/** Sent in one transaction. */
export const SENT_AT_ONCE = 200

export interface Advanced {
  rollout: Rollout
  changed: boolean
  /** What is to be sent now. */
  due: RolloutDevice[]
}

export interface AdvanceParts {
  commands: Commands
  kindOf(rollout: Pick<Rollout, 'kind'>): RolloutKind
}

/** Null: it is over, or is not there. */
export async function advance(tx: Tx, parts: AdvanceParts, id: string, now: Date): Promise<Advanced | null> {
  const locked = await lockRollout(tx, id)
  if (!locked || locked.finishedAt) return null
  const observed = await observe(tx, parts, locked, now)
  const given = await giveUp(tx, locked, now)
  let rollout = locked
  let tallies = await talliesOf(tx, rollout)
  let step = nextStep(rollout.plan, progressOf(rollout, tallies), now)
  let changed = observed + given > 0
  while (step.step !== 'wait') {
    changed = true
    rollout = await take(tx, parts, rollout, step, tallies, now)
    tallies = await talliesOf(tx, rollout)
    step = nextStep(rollout.plan, progressOf(rollout, tallies), now)
  }
  if (!rollout.finishedAt && isEnding(rollout, now) && tallies.every(isSettled)) {
    rollout = await end(tx, rollout, tallies, now)
    changed = true
  }
  const sends = rollout.state === 'running' || rollout.state === 'soaking'
  const due = sends ? await devicesOf(tx, id, { of: 'due', now }, SENT_AT_ONCE) : []
  return { rollout, changed, due }
}

async function observe(tx: Tx, { kindOf }: AdvanceParts, rollout: Rollout, now: Date): Promise<number> {
  const working = await devicesOf(tx, rollout.id, { of: 'working' }, MOST_DEVICES)
  if (working.length === 0) return 0
  const moves = await kindOf(rollout).observe(tx, rollout, working, now)
  await moveDevices(tx, rollout.id, moves, now)
  return moves.length
}

/** What was taken back from a device after the rollout was cancelled begins no more either. */
async function giveUp(tx: Tx, rollout: Rollout, now: Date): Promise<number> {
  const { id, state, reason } = rollout
  const choice = givenUp(rollout, now)
  if (choice === null) return 0
  const left = await devicesOf(tx, id, choice, MOST_DEVICES)
  const text = state === 'cancelled' ? (reason ?? 'cancelled') : 'it could not begin in time'
  const move = { phase: 'done', reason: { text, byDevice: false }, dueAt: null }
  const outcome = state === 'cancelled' ? ('cancelled' as const) : ('passed_over' as const)
  await moveDevices(
    tx,
    id,
    left.map((device) => ({ deviceId: device.id, ...move, outcome })),
    now,
  )
  return left.length
}

function givenUp({ state, giveUpAt, plan, stage, patienceUntil }: Rollout, now: Date): DeviceChoice | null {
  if (state === 'cancelled' || now >= giveUpAt) return { of: 'unbegun' }
  const goesOn = state === 'running' || state === 'soaking'
  if (!plan.passesOver || !goesOn || stage === null || patienceUntil === null || now < patienceUntil) return null
  return { of: 'overdue', stage }
}

async function take(
  tx: Tx,
  parts: AdvanceParts,
  rollout: Rollout,
  step: Exclude<Step, { step: 'wait' }>,
  tallies: readonly StageTally[],
  now: Date,
): Promise<Rollout> {
  switch (step.step) {
    case 'begin':
      return begin(tx, parts, rollout, step.stage, now)
    case 'soak':
      return change(tx, rollout, { state: 'soaking', soakUntil: step.until }, now)
    case 'stop':
      return halt(tx, parts, rollout, 'stopped', step.reason, now)
    case 'finish':
      return end(tx, { ...rollout, state: 'finished' }, tallies, now)
  }
}

async function begin(tx: Tx, { kindOf }: AdvanceParts, rollout: Rollout, stage: number, now: Date): Promise<Rollout> {
  const devices = await devicesOf(tx, rollout.id, { of: 'stage', stage }, MOST_DEVICES)
  const moves = await kindOf(rollout).begin(tx, rollout, devices, now)
  await moveDevices(tx, rollout.id, moves, now)
  const latest = Math.max(now.getTime(), ...moves.flatMap(({ dueAt }) => dueAt?.getTime() ?? []))
  const patienceUntil = new Date(latest + rollout.plan.patienceHours * 3_600_000)
  return change(tx, rollout, { state: 'running', stage, soakUntil: null, patienceUntil }, now)
}

/** Nothing more begins. What devices have at hand, they end. */
export async function halt(
  tx: Tx,
  { commands }: Pick<AdvanceParts, 'commands'>,
  rollout: Rollout,
  state: 'stopped' | 'paused',
  reason: string,
  now: Date,
): Promise<Rollout> {
  await commands.cancel(tx, now, { operationId: rollout.operationId, waitingOnly: true }, RECALLED)
  return change(tx, rollout, { state, reason }, now)
}

async function change(
  tx: Tx,
  rollout: Rollout,
  changed: Parameters<typeof changeRollout>[2],
  now: Date,
): Promise<Rollout> {
  await changeRollout(tx, rollout.id, changed, now)
  return { ...rollout, ...changed }
}

/** A rollout that nobody takes up again ends when its time is over. */
const isEnding = ({ state, giveUpAt }: Rollout, now: Date): boolean =>
  state === 'cancelled' || ((state === 'stopped' || state === 'paused') && giveUpAt <= now)

const isSettled = ({ absent, working, trailing }: StageTally): boolean => absent + working + trailing === 0

export async function end(tx: Tx, rollout: Rollout, tallies: readonly StageTally[], now: Date): Promise<Rollout> {
  const state = rollout.state === 'finished' ? 'finished' : 'cancelled'
  await finishOperation(tx, rollout.operationId, operationState(rollout, tallies), now)
  return change(tx, rollout, { state, finishedAt: now }, now)
}

function operationState({ state, plan }: Rollout, tallies: readonly StageTally[]): OperationState {
  const succeeded = tallies.reduce((sum, tally) => sum + tally.succeeded, 0)
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0)
  const all = plan.stages.reduce((sum, { devices }) => sum + devices, 0)
  if (state !== 'finished' && succeeded === 0) return failed > 0 ? 'failed' : 'cancelled'
  if (succeeded === all) return 'succeeded'
  return succeeded === 0 ? 'failed' : 'partial'
}
