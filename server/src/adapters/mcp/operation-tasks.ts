/** Breeze's own tasks: operations of calls that are followed. Each look and each cancel is a call through the door. */
import { ProtocolError } from '@modelcontextprotocol/server'
import type { Denial } from '@breeze/contract/governance'
import type { Caller } from '../../kernel/caller.ts'
import type { FollowedCall, GoesOn, Kernel, Outcome } from '../../kernel/kernel.ts'
import { KEPT_DAYS } from '../../kernel/tasks.ts'
import type { Metrics } from '../http/metrics.ts'
import { invokeTool, translate } from './call-tool.ts'
import { REFUSED } from './json-rpc.ts'
import type { Started, Task, TaskSource } from './tasks.ts'

const KEPT_MS = KEPT_DAYS * 86_400_000
/** Devices answer within seconds; people take longer. */
const POLL_MS = 2000
const POLL_PERSON_MS = 10_000

export function operationTasks(deps: { kernel: Kernel; metrics: Metrics }, caller: Caller): TaskSource {
  const follow = async (operation: string): Promise<FollowedCall | null> => {
    const found = await deps.kernel.follow(caller, operation)
    if (found.status === 'found') return found.call
    // A reference that can't be one is unknown, too.
    if (found.denial.code === 'not_found' || found.denial.code === 'invalid_input') return null
    throw refusal(found.denial)
  }
  return {
    async get(taskId) {
      const call = await follow(taskId)
      return call && taskOf(call)
    },
    // A person is asked before a call becomes a task; a task itself asks nothing, so that every answer is to no question.
    update: async (taskId) => (await follow(taskId)) !== null,
    async cancel(taskId) {
      const call = await follow(taskId)
      if (!call) return false
      if (call.state === 'ended' || call.state === 'cancelled') return true
      const outcome = await invokeTool(deps, { caller, name: 'cancel_operation', input: { operation: taskId } })
      return acknowledged(outcome)
    },
  }
}

/** Nothing of it may be said to be cancelled that is not. */
function acknowledged(outcome: Outcome): boolean {
  if (outcome.status === 'done') return true
  if (outcome.status === 'held') throw new ProtocolError(REFUSED, outcome.text, { ...outcome.hold })
  // It ended between the look and the cancel.
  if (outcome.denial.code === 'conflict') return true
  throw refusal(outcome.denial)
}

const refusal = (denial: Denial) => new ProtocolError(REFUSED, `${denial.reason} ${denial.remedy}`, { ...denial })

/** In place of an answer that only says that the work goes on. */
export function startedTask(outcome: Extract<Outcome, { status: 'done' | 'held' }>, goesOn: GoesOn): Started {
  const { operation: taskId, createdAt } = goesOn
  const isHeld = outcome.status === 'held'
  return {
    started: {
      taskId,
      status: 'working',
      statusMessage: outcome.text.slice(0, 1000),
      createdAt,
      lastUpdatedAt: createdAt,
      ttlMs: KEPT_MS,
      pollIntervalMs: isHeld ? POLL_PERSON_MS : POLL_MS,
    },
  }
}

function taskOf(call: FollowedCall): Task {
  const { operation: taskId, createdAt, changedAt, endedAt } = call
  const ttlMs = (endedAt ?? new Date()).getTime() - createdAt.getTime() + KEPT_MS
  const pollIntervalMs = call.state === 'waiting' ? POLL_PERSON_MS : POLL_MS
  const task = { taskId, createdAt, lastUpdatedAt: changedAt, ttlMs, pollIntervalMs }
  if (call.state === 'cancelled') return { ...task, status: 'cancelled', statusMessage: call.message }
  if (call.state !== 'ended') return { ...task, status: 'working', statusMessage: call.message }
  try {
    return { ...task, status: 'completed', result: translate(call.tool, call.outcome) }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    const { code, message, data } = error
    return { ...task, status: 'failed', statusMessage: message, error: { code, message, data } }
  }
}
