import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { approvalText } from '../../approvals/present.ts'
import { requestOf } from '../../approvals/requests.ts'
import { findOperation } from '../service.ts'
import {
  answerShares,
  countsByState,
  countsText,
  deviceResult,
  deviceResultShape,
  leftOutResult,
  liveState,
  resultText,
} from '../../commands/present.ts'
import { waitingText } from '../../commands/waiting.ts'
import { deviceNames } from '../../devices/names.ts'

const MOST = 200

export default defineTool({
  name: 'get_operation',
  title: 'Get an operation',
  description:
    'Reads what became of anything that outlived its call: commands on devices, a call waiting for confirmation. Tells state, counts, what still waits and for what, and each device.',
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
  }),
  async run({ tx, services, now }, input) {
    const operation = await findOperation(tx, input.operation)
    const approval = await requestOf(tx, operation.id, now())
    const progress = await services.commands.operationProgress(tx, operation.id)
    const waiting = await services.commands.waiting(tx, operation.id)
    const page = { limit: MOST, ...answerShares(progress.total) }
    const results = await services.commands.results(tx, operation.id, page)
    const leftOut = operation.leftOut.slice(0, MOST - results.length)
    const names = await deviceNames(tx, [...results.map((result) => result.deviceId), ...leftOut])
    const devices = [
      ...results.map((result) => deviceResult(result, names.get(result.deviceId) ?? result.deviceId)),
      ...leftOut.map((id) => leftOutResult(id, names.get(id) ?? id)),
    ]
    return { operation, approval, progress, waiting, devices }
  },
  present({ operation, approval, progress, waiting, devices }) {
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
        operation: operation.id,
        tool: operation.tool,
        action: operation.action,
        state,
        summary: operation.summary,
        created_at: operation.createdAt.toISOString(),
        finished_at: operation.finishedAt?.toISOString() ?? null,
        confirmation_expires_at: operation.confirmationExpiresAt?.toISOString() ?? null,
        approval: approval && {
          state: approval.state,
          expires_at: approval.expiresAt.toISOString(),
          by: approval.decidedBy,
          reason: approval.reason,
        },
        devices,
        total: progress.total,
        counts: countsByState(progress),
        waiting,
      },
    }
  },
})
