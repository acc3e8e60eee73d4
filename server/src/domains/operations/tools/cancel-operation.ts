import { z } from 'zod'
import { conflict } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { cancelOperation, findOperation } from '../service.ts'

export default defineTool({
  name: 'cancel_operation',
  title: 'Cancel an operation',
  description:
    'Stops what has not started of an operation: a call that waits for confirmation, commands still queued for devices. What already runs on a device goes on. Answers with how many were cancelled.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 2, permission: 'operations.write', idempotent: true },
  input: z.object({ operation: z.string().max(100).describe('Operation id from an earlier answer.') }),
  output: z.object({
    operation: z.string(),
    state: z.string(),
    cancelled: z.number().int(),
    running: z.number().int(),
  }),
  async targets({ tx }, input) {
    const operation = await findOperation(tx, input.operation)
    const organizations = operation.organizationIds.length > 0 ? operation.organizationIds : [null]
    return organizations.map((organizationId) => ({
      kind: 'operation' as const,
      id: operation.id,
      name: `${operation.tool}: ${operation.summary}`,
      organizationId,
      siteId: null,
    }))
  },
  plan: async (_, input) => ({
    summary: `Cancel what has not started of operation ${input.operation}.`,
    irreversible: [],
  }),
  async run({ tx, services, now, caller }, input) {
    const operation = await findOperation(tx, input.operation)
    if (operation.finishedAt)
      throw conflict(`The operation has ended already: ${operation.state}.`, 'There is nothing to cancel.')
    const reason = `cancelled by ${caller.user.name}`
    const waiting = await cancelOperation(tx, operation.id, now())
    const cancelled = await services.commands.cancelQueued(tx, now(), { operationId: operation.id }, reason)
    const progress = await services.commands.operationProgress(tx, operation.id)
    return { id: operation.id, waiting, cancelled, running: progress.total - progress.finished }
  },
  present: ({ id, waiting, cancelled, running }) => ({
    text: waiting
      ? 'The call that waited for confirmation is cancelled; its token no longer works.'
      : `${cancelled} command${cancelled === 1 ? '' : 's'} cancelled before delivery; ${running} already delivered and going on.`,
    data: { operation: id, state: waiting || running === 0 ? 'cancelled' : 'running', cancelled, running },
  }),
})
