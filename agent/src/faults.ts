/**
 * Named places where a crash would hurt most. A test iterates each list, kills the agent at each and checks that no
 * result is lost and nothing runs twice. Armed only through the configuration; otherwise a string comparison.
 */
export const FAULT_POINTS = [
  'enrollment.key_saved',
  'enrollment.responded',
  'enrollment.saved',
  'journal.compaction_written',
  'journal.accepted',
  'accepted.sent',
  'journal.started',
  'script.spawned',
  'script.exited',
  'journal.finished',
  'result.sent',
  'journal.acknowledged',
] as const
/** Of a device key's rotation, in order. */
export const ROTATION_FAULT_POINTS = [
  'rotation.key_saved',
  'rotation.sent',
  'rotation.confirmed',
  'rotation.saved',
] as const
/** Of a copy that becomes a device of its own, in order. */
export const SEPARATION_FAULT_POINTS = [
  'separation.key_saved',
  'separation.responded',
  'separation.saved',
  'separation.journal_moved',
] as const
/** Of an update, in order: in the former version, in the supervisor, in the new version. */
export const UPDATE_FAULT_POINTS = [
  'update.fetched',
  'update.tested',
  'update.staged',
  'trial.counted',
  'trial.proved',
] as const
/** Of one that is undone, in the supervisor. */
export const ROLL_BACK_FAULT_POINTS = ['trial.rolled_back'] as const
export const ALL_FAULT_POINTS = [
  ...FAULT_POINTS,
  ...ROTATION_FAULT_POINTS,
  ...SEPARATION_FAULT_POINTS,
  ...UPDATE_FAULT_POINTS,
  ...ROLL_BACK_FAULT_POINTS,
] as const
export type FaultPoint = (typeof ALL_FAULT_POINTS)[number]

let armed: FaultPoint | undefined

export function armFault(point: FaultPoint | undefined): void {
  armed = point
}

/** SIGKILL, because a crash runs no handlers and flushes no buffers. */
export function fault(point: FaultPoint): void {
  if (armed === point) process.kill(process.pid, 'SIGKILL')
}

export function isFaultPoint(name: string): name is FaultPoint {
  return ALL_FAULT_POINTS.some((point) => point === name)
}
