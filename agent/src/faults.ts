/**
 * Named places where a crash would hurt most. A test iterates the list, kills the agent at each and checks that no
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
export type FaultPoint = (typeof FAULT_POINTS)[number]

let armed: FaultPoint | undefined

export function armFault(point: FaultPoint | undefined): void {
  armed = point
}

/** SIGKILL, because a crash runs no handlers and flushes no buffers. */
export function fault(point: FaultPoint): void {
  if (armed === point) process.kill(process.pid, 'SIGKILL')
}

export function isFaultPoint(name: string): name is FaultPoint {
  return FAULT_POINTS.some((point) => point === name)
}
