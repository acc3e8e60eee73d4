/** Named points where a test may kill or fail the server, to prove that nothing is lost and nothing runs twice. */

export const FAULT_POINTS = [
  'enrollment.committed',
  'keys.chained',
  'keys.promoted',
  'keys.prepared',
  'intent.recorded',
  'act.committed',
  'approval.requested',
  'approval.decided',
  'approval.released',
  'approval.recorded',
  'carried.intended',
  'carried.committed',
  'audit.flushed',
  'command.queued',
  'command.claimed',
  'command.sent',
  'cancel.requested',
  'cancel.sent',
  'output.committed',
  'result.received',
  'result.committed',
  'presence.flushed',
  'token.answered',
  'token.redeemed',
] as const
export type FaultPoint = (typeof FAULT_POINTS)[number]

const armed = new Map<FaultPoint, () => void>()

export function fault(point: FaultPoint): void {
  armed.get(point)?.()
}

export function armFault(point: FaultPoint, action: () => void): () => void {
  armed.set(point, action)
  return () => armed.delete(point)
}
