import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { approvalText } from '../../approvals/present.ts'
import { requestOf } from '../../approvals/requests.ts'
import { findOperation, type Operation } from '../service.ts'
import {
  answerShares,
  countsByState,
  countsText,
  deviceResult,
  type DeviceResult,
  deviceResultShape,
  leftOutResult,
  liveState,
  resultText,
} from '../../commands/present.ts'
import { waitingText } from '../../commands/waiting.ts'
import { deviceNames } from '../../devices/names.ts'
import { presentRollout, rolloutShape, rolloutText } from '../../rollouts/present.ts'
import { rolloutOfOperation, type RolloutView } from '../../rollouts/reads.ts'

const MOST = 200

export default defineTool({
  name: 'get_operation',
  title: 'Get an operation',
  description:
    'Reads what became of anything that outlived its call: commands on devices, a rollout, a call waiting for confirmation. Tells state, counts, what still waits and for what, and each device.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'operations.read' },
  deviceText: true,
  input: z.object({ operation: z.string().max(100).describe('Operation id from an earlier answer.') }),
  output: z.object({
    operation: z.string(),
    tool: z.string(),
    action: z.string().nullable(),
    state: z.string(),
    summary: z.string(),
    created_at: z.string(),
    finished_at: z.string().nullable(),
    confirmation_expires_at: z.string().nullable(),
    approval: z
      .object({ state: z.string(), expires_at: z.string(), by: z.string().nullable(), reason: z.string().nullable() })
      .nullable()
      .describe('Of a call that a second person decides about.'),
    devices: z.array(deviceResultShape),
    total: z.number().int(),
    counts: z.record(z.string(), z.number()),
    waiting: z
      .array(z.object({ for: z.string(), commands: z.number().int(), until: z.string().nullable() }))
      .describe('Until: when the first of them expires.'),
    rollout: rolloutShape.optional(),
  }),
  async run({ tx, services, now }, input) {
    const operation = await findOperation(tx, input.operation)
    const approval = await requestOf(tx, operation.id, now())
    const view = await rolloutOfOperation(tx, operation.id, now(), MOST)
    if (view) {
      const left = operation.leftOut.slice(0, MOST - view.devices.length)
      const names = await deviceNames(tx, left)
      return { operation, approval, view, apart: left.map((id) => leftOutResult(id, names.get(id) ?? id)) }
    }
    const progress = await services.commands.operationProgress(tx, operation.id)
    const waiting = await services.commands.waiting(tx, operation.id)
    const page = { limit: MOST, ...answerShares(progress.total) }
    const results = await services.commands.results(tx, operation.id, page)
    const leftOut = operation.leftOut.slice(0, MOST - results.length)
    const names = await deviceNames(tx, [...results.map((result) => result.deviceId), ...leftOut])
    const devices = [
      ...results.map((result) => deviceResult(result, names.get(result.deviceId) ?? result.deviceId, now())),
      ...leftOut.map((id) => leftOutResult(id, names.get(id) ?? id)),
    ]
    return { operation, view, approval, progress, waiting, devices }
  },
  present(read) {
    const { operation, approval } = read
    if (read.view) return presentStaged(operation, approval, read.view, read.apart)
    const { progress, waiting, devices } = read
    const state = liveState(operation.state, progress)
    const head = `${operation.tool}${operation.action ? ` ${operation.action}` : ''}: ${state}. ${operation.summary}`
    const counts = progress.total > 0 ? ` ${countsText(progress)}.` : ''
    return {
      text: [
        `${head}${counts} ${waitingText(waiting)}`.trimEnd(),
        ...(approval ? [approvalText(approval)] : []),
        ...devices.slice(0, 20).map(resultText),
      ].join('\n'),
      data: {
        ...facts(operation),
        state,
        approval: shownApproval(approval),
        devices,
        total: progress.total,
        counts: countsByState(progress),
        waiting,
      },
    }
  },
})

const facts = (operation: Operation) => ({
  operation: operation.id,
  tool: operation.tool,
  action: operation.action,
  summary: operation.summary,
  created_at: operation.createdAt.toISOString(),
  finished_at: operation.finishedAt?.toISOString() ?? null,
  confirmation_expires_at: operation.confirmationExpiresAt?.toISOString() ?? null,
})

type Approval = Awaited<ReturnType<typeof requestOf>>

const shownApproval = (approval: Approval) =>
  approval && {
    state: approval.state,
    expires_at: approval.expiresAt.toISOString(),
    by: approval.decidedBy,
    reason: approval.reason,
  }

function presentStaged(operation: Operation, approval: Approval, view: RolloutView, apart: readonly DeviceResult[]) {
  const devices = [...view.devices, ...apart]
  const rejected = operation.leftOut.length
  return {
    text: [
      `${operation.tool}${operation.action ? ` ${operation.action}` : ''}: ${view.rollout.finishedAt ? operation.state : view.rollout.state}. ${operation.summary}`,
      ...(approval ? [approvalText(approval)] : []),
      rolloutText(view),
      ...devices.slice(0, 20).map(resultText),
    ].join('\n'),
    data: {
      ...facts(operation),
      approval: shownApproval(approval),
      state: view.rollout.finishedAt ? operation.state : view.rollout.state,
      devices,
      total: view.total + rejected,
      counts: { ...view.counts, ...(rejected > 0 && { rejected }) },
      waiting: [],
      rollout: presentRollout(view),
    },
  }
}
