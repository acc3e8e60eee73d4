import { z } from 'zod'
import { conflict } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { cancelOperation, findOperation } from '../service.ts'

export default defineTool({
  name: 'cancel_operation',
  title: 'Cancel an operation',
  description:
    'Ends an operation early: a call that waits for confirmation, commands still queued for devices, and, by asking the devices, what they have already: a running script is stopped with all it started. What is done is not undone. get_operation shows what became of each.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 2, permission: 'operations.write', idempotent: true },
  input: z.object({ operation: z.string().max(100).describe('Operation id from an earlier answer.') }),
  output: z.object({
    operation: z.string(),
    state: z.string(),
    cancelled: z.number().int().describe('Never delivered, and never will be.'),
    asked: z.number().int().describe('Their devices are asked to stop them.'),
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
    summary: `Cancel what has not ended of operation ${input.operation}.`,
    irreversible: [],
  }),
  async run({ tx, services, now, caller }, input) {
    const operation = await findOperation(tx, input.operation)
    if (operation.finishedAt)
      throw conflict(`The operation has ended already: ${operation.state}.`, 'There is nothing to cancel.')
    const reason = `cancelled by ${caller.user.name}`
    const waiting = await cancelOperation(tx, operation.id, now())
    const { cancelled, asked } = await services.commands.cancel(tx, now(), { operationId: operation.id }, reason)
    return { id: operation.id, waiting, cancelled, asked }
  },
  present: ({ id, waiting, cancelled, asked }) => ({
    text: waiting
      ? 'The call that waited for confirmation is cancelled; its token no longer works.'
      : `${cancelled} command${cancelled === 1 ? '' : 's'} cancelled before delivery; ${asked} already delivered, their devices are asked to stop.`,
    data: { operation: id, state: waiting || asked === 0 ? 'cancelled' : 'running', cancelled, asked },
  }),
})
