import { z } from 'zod'
import { conflict, invalidInput } from '../../../kernel/errors.ts'
import { defineTool, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import type { Cancellation } from '../../commands/cancel.ts'
import { selectDevices, selectionFields } from '../../devices/select.ts'
import { cancelOperation, findOperation, type Operation } from '../service.ts'

const input = z.object({
  operation: z.string().max(100).optional().describe('Operation id from an earlier answer.'),
  devices: selectionFields.devices.describe('Only their commands.'),
  filter: selectionFields.filter,
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'cancel_operation',
  title: 'Cancel an operation',
  description:
    'Ends an operation early, for all its devices or some: waiting calls and queued commands at once, running scripts by asking their devices. What is done is not undone. Without an operation, cancels whatever is queued for the devices.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 2, permission: 'operations.write', idempotent: true },
  input,
  output: z.object({
    operation: z.string().optional(),
    state: z.string(),
    cancelled: z.number().int(),
    asked: z.number().int().describe('Devices that are asked to stop.'),
  }),
  async targets(context, input) {
    const operation = input.operation === undefined ? null : await findOperation(context.tx, input.operation)
    if (selectsDevices(input)) return devicesOf(context, input)
    if (!operation) throw invalidInput('Give an operation, devices or a filter.')
    return operationTargets(operation)
  },
  plan: async (_, { operation }, targets) => ({
    summary: planned(operation, targets),
    irreversible: [],
  }),
  async run({ tx, services, now, caller }, input, targets) {
    const operation = input.operation === undefined ? null : await findOperation(tx, input.operation)
    if (operation?.finishedAt)
      throw conflict(`The operation has ended already: ${operation.state}.`, 'There is nothing to cancel.')
    const some = selectsDevices(input)
    const waiting = operation && !some ? await cancelOperation(tx, operation.id, now()) : false
    const deviceIds = targets.map((target) => target.id)
    const reason = `cancelled by ${caller.user.name}`
    const unbegun = operation && (await services.rollouts.cancel(tx, operation.id, some ? deviceIds : null, reason))
    const answer = await services.commands.cancel(tx, now(), whichOf(operation, some ? deviceIds : null), reason)
    if (unbegun !== null) {
      const goesOn = some || answer.asked > 0
      return {
        id: operation?.id ?? null,
        waiting,
        cancelled: unbegun + answer.cancelled,
        asked: answer.asked,
        isOver: !goesOn,
      }
    }
    const left = operation ? await services.commands.operationProgress(tx, operation.id) : null
    return { id: operation?.id ?? null, waiting, ...answer, isOver: left === null || left.finished === left.total }
  },
  present: ({ id, waiting, cancelled, asked, isOver }) => ({
    text: waiting
      ? 'The call that waited for confirmation is cancelled; its token no longer works.'
      : `${cancelled} command${cancelled === 1 ? '' : 's'} cancelled before delivery; ${asked} already delivered, their devices are asked to stop.`,
    data: {
      ...(id !== null && { operation: id }),
      state: waiting || isOver ? 'cancelled' : 'running',
      cancelled,
      asked,
    },
  }),
})

const selectsDevices = ({ devices, filter }: Input): boolean => devices !== undefined || filter !== undefined

async function devicesOf({ tx, caller }: TransactionContext, { devices, filter }: Input): Promise<Target[]> {
  const targets = await selectDevices(tx, caller, { devices, filter })
  // Nothing here waits for a device to connect.
  return targets.map((target) => {
    const { caveat: _caveat, ...here } = target
    return here
  })
}

function operationTargets(operation: Operation): Target[] {
  const organizations = operation.organizationIds.length > 0 ? operation.organizationIds : [null]
  return organizations.map((organizationId) => ({
    kind: 'operation' as const,
    id: operation.id,
    name: `${operation.tool}: ${operation.summary}`,
    organizationId,
    siteId: null,
  }))
}

function planned(operation: string | undefined, targets: readonly Target[]): string {
  const devices = targets[0]?.kind === 'device' ? `${targets.length} device${targets.length === 1 ? '' : 's'}` : null
  if (operation === undefined) return `Cancel whatever is queued for ${devices}.`
  return `Cancel what has not ended of operation ${operation}${devices ? ` on ${devices}` : ''}.`
}

function whichOf(operation: Operation | null, deviceIds: string[] | null): Cancellation {
  if (!operation) return { deviceIds: deviceIds ?? [], waitingOnly: true }
  return { operationId: operation.id, ...(deviceIds && { deviceIds }) }
}
