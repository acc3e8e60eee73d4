import type { CommandOutcome, CommandType } from '@breeze/contract/agent-commands'
import { type Execution, type ExecutionResult, type Executor, isCancelled } from './executor.ts'
import { errorText, type Log } from './log.ts'

export const NEVER_STARTED = {
  state: 'cancelled',
  reason: 'Cancelled before it started',
} as const satisfies CommandOutcome

/** Always an outcome, whatever the executor does: one that breaks has failed, one that was told to end says why. */
export async function runExecutor<T extends CommandType>(
  executor: Executor<T>,
  execution: Execution<T>,
  startedAt: string,
  log: Log,
): Promise<ExecutionResult> {
  const { commandId, signal } = execution
  const ended = (state: CommandOutcome['state'], reason: string): ExecutionResult => ({
    outcome: { state, reason: reason.slice(0, 500), startedAt, finishedAt: new Date().toISOString() },
  })
  // Cancelled while the start was written down.
  if (isCancelled(signal)) return ended('cancelled', NEVER_STARTED.reason)
  try {
    const result = await executor.run(execution)
    if (result.outcome.state !== 'interrupted' || !isCancelled(signal)) return result
    return { outcome: { ...result.outcome, state: 'cancelled', reason: 'Cancelled while it ran' } }
  } catch (error) {
    if (isCancelled(signal)) return ended('cancelled', 'Cancelled while it ran')
    log('executor_error', { commandId, message: errorText(error) })
    return ended('failed', `the agent could not run it: ${errorText(error)}`)
  }
}
