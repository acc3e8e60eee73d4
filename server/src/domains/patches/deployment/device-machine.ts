/**
 * One device of a deployment: installing, restarting where that is wanted, and looking again, because only a new report of the
 * device proves that an update is in. Pure: it is told what was heard and answers what follows.
 */
import type { RolloutOutcome } from '../../rollouts/tables.ts'
import type { ChosenUpdate, DeploymentTask, DeviceDetail, UpdateResult } from './task.ts'

export type WorkPhase = 'installing' | 'reboot_due' | 'rebooting' | 'checking'

/** A command that has ended, as far as the server knows. */
export interface Ended {
  state: 'succeeded' | 'failed' | 'timed_out' | 'rejected' | 'interrupted' | 'expired' | 'cancelled'
  reason: string | null
  /** The device said so; otherwise the server supposes it, or took the command back. */
  byDevice: boolean
  /** Taken back because the rollout was held up: it is due again. */
  recalled: boolean
  results: UpdateResult[] | null
  rebootPending: boolean | null
}

export interface Seen {
  now: Date
  /** Null: it goes on. */
  command: Ended | null
  /** As the device reported after the command was sent; null: not yet. */
  pending: readonly { name: string; article: string | null; installed: string | null }[] | null
  isOnline: boolean
  bootId: string | null
}

export interface Work {
  phase: string
  phaseSince: Date
  outcome: RolloutOutcome | null
  detail: DeviceDetail
}

export interface Follow {
  phase: 'due' | 'done' | WorkPhase
  outcome?: RolloutOutcome
  reason?: { text: string; byDevice: boolean }
  /** What is to be sent: a look at once, the others as an act, at a time. */
  send?: 'scan' | 'act' | 'act_at_reboot_time'
  detail?: Partial<DeviceDetail>
}

const MOST_TRIES = 5
const MOST_SCANS = 3
export const RETURN_MINUTES = 30
/** For the report that belongs to a scan to be written. */
const REPORT_MS = 60_000

export function follow(work: Work, seen: Seen, task: DeploymentTask): Follow | null {
  switch (work.phase) {
    case 'installing':
      return afterInstall(work, seen, task)
    case 'rebooting':
      return afterReboot(work, seen)
    case 'checking':
      return afterScan(work, seen, task)
    default:
      return null
  }
}

function afterInstall(work: Work, { command }: Seen, task: DeploymentTask): Follow | null {
  if (command === null) return null
  if (command.recalled) return { phase: 'due', send: 'act' }
  if (command.state === 'cancelled') return ended('cancelled', command)
  if (command.state === 'rejected') return ended('failed', command)
  if (command.state === 'expired') return again(work, 'due', 'it did not take the command on')
  const { results, rebootPending } = command
  const detail = { rebootPending, ...(results && { results }) }
  // Nothing was changed: there is nothing to look at.
  if (results && !results.some(({ state }) => state === 'installed' || state === 'already_installed'))
    return { phase: 'done', detail, ...verdict({ ...work.detail, results }, [], command.reason) }
  if (task.reboot.at === 'after_install' && wantsReboot(task, { rebootPending }))
    return { phase: 'reboot_due', send: 'act', detail }
  return { phase: 'checking', send: 'scan', detail: { ...detail, scans: 1 } }
}

function afterReboot(work: Work, { command, isOnline, bootId, now }: Seen): Follow | null {
  if (command && command.state !== 'succeeded') {
    if (command.recalled || command.state === 'expired')
      return again(work, 'reboot_due', 'it did not take on the restart')
    return {
      ...ended('failed', command),
      reason: said(`it was not restarted: ${command.reason ?? command.state}`, true),
    }
  }
  if (command && isOnline && bootId !== null && bootId !== (work.detail.bootId ?? null))
    return { phase: 'checking', send: 'scan', detail: { scans: 1 } }
  if (now.getTime() - work.phaseSince.getTime() < RETURN_MINUTES * 60_000) return null
  const reason = said(`it did not come back within ${RETURN_MINUTES} minutes of its restart`, false)
  return { phase: 'done', outcome: 'failed', reason }
}

function afterScan(work: Work, seen: Seen, task: DeploymentTask): Follow | null {
  const { command, pending, now } = seen
  if (command === null) return null
  const isLate = now.getTime() - work.phaseSince.getTime() > REPORT_MS
  if (command.state === 'succeeded' && pending === null && !isLate) return null
  if (command.state !== 'succeeded' || pending === null) {
    const scans = work.detail.scans ?? 1
    if (scans < MOST_SCANS) return { phase: 'checking', send: 'scan', detail: { scans: scans + 1 } }
    if (work.outcome !== null) return { phase: 'done' }
    const reason = said('whether the updates are in could not be verified: it did not report them', false)
    return { phase: 'done', outcome: 'failed', reason }
  }
  if (work.outcome !== null) return { phase: 'done' }
  const judged = verdict(work.detail, pending, null)
  const restartsLater = task.reboot.at !== 'after_install' && wantsReboot(task, work.detail)
  if (restartsLater && judged.outcome !== 'passed_over')
    return { phase: 'reboot_due', send: 'act_at_reboot_time', ...judged }
  return { phase: 'done', ...judged }
}

const wantsReboot = ({ reboot }: DeploymentTask, { rebootPending }: Pick<DeviceDetail, 'rebootPending'>): boolean =>
  reboot.policy === 'always' || (reboot.policy === 'if_required' && rebootPending === true)

const said = (text: string, byDevice: boolean) => ({ text, byDevice })

const ended = (outcome: RolloutOutcome, { reason, state, byDevice }: Ended): Follow => ({
  phase: 'done',
  outcome,
  reason: said(reason ?? state, byDevice),
})

function again({ detail, outcome }: Work, phase: 'due' | 'reboot_due', reason: string): Follow {
  const tries = (detail.tries ?? 0) + 1
  if (tries < MOST_TRIES) return { phase, send: 'act', detail: { tries } }
  return { phase: 'done', outcome: outcome ?? 'failed', reason: said(`${reason}, ${MOST_TRIES} times`, false) }
}

interface Verdict {
  outcome: RolloutOutcome
  reason?: { text: string; byDevice: boolean }
}

/** `pending`: what the device lacks after all was done. */
function verdict(
  { updates, results }: DeviceDetail,
  pending: NonNullable<Seen['pending']>,
  commandReason: string | null,
): Verdict {
  const judged = updates.map((update, index) => judge(update, results?.[index], pending, commandReason))
  const failures = judged.flatMap((one) => (one.state === 'failed' ? [one.reason] : []))
  if (failures.length > 0) {
    const more = failures.length > 3 ? `; and ${failures.length - 3} more` : ''
    return { outcome: 'failed', reason: said(failures.slice(0, 3).join('; ') + more, true) }
  }
  if (judged.some(({ state }) => state === 'proven')) return { outcome: 'succeeded' }
  return { outcome: 'passed_over', reason: said('none of the chosen versions is to be had any more', false) }
}

type Judged = { state: 'proven' } | { state: 'not_available' } | { state: 'failed'; reason: string }

function judge(
  update: ChosenUpdate,
  result: UpdateResult | undefined,
  pending: NonNullable<Seen['pending']>,
  commandReason: string | null,
): Judged {
  if (result?.state === 'not_available') return { state: 'not_available' }
  if (result?.state === 'failed' || result?.state === 'not_attempted')
    return {
      state: 'failed',
      reason: `${update.name}: ${result.reason ?? commandReason ?? result.state.replace('_', ' ')}`,
    }
  const still = pending.find(
    ({ name, article }) => (update.article !== undefined && article === update.article) || name === update.name,
  )
  // A newer version may have come out since: the one that was asked for is in.
  if (!still || (update.version !== null && still.installed === update.version)) return { state: 'proven' }
  return { state: 'failed', reason: `${update.name}: still pending after the installation` }
}
