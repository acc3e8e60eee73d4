import { z } from 'zod'
import { reasonField } from '../../../identity/fields.ts'
import type { Tx } from '../../../kernel/db.ts'
import { holdsAt } from '../../../kernel/caller.ts'
import { conflict, forbidden } from '../../../kernel/errors.ts'
import { finishOperation, leaveOut } from '../../../kernel/operations.ts'
import { defineTool, operationOf, type RunContext, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import { requireCapable, splitAble } from '../../commands/acting.ts'
import { type DeviceTarget, targetsByFilter } from '../../devices/find.ts'
import { MOST_DEVICES } from '../../devices/select.ts'
import { findOperation } from '../../operations/service.ts'
import { secretValues } from '../../scripts/parameters.ts'
import { awaitRollout } from '../await.ts'
import { presentRollout, rolloutShape, rolloutText } from '../present.ts'
import { requireAtRest, undoEffect, undoTargets } from '../roll-back.ts'
import type { Rollout } from '../rows.ts'
import { rolloutOfOperation, type RolloutView, unfinishedDevices } from '../reads.ts'

const input = z.object({
  operation: z.string().max(100).describe('Of an act in stages.'),
  action: z.enum(['pause', 'resume', 'roll_back']),
  reason: reasonField.optional(),
  secrets: secretValues.optional().describe('Of roll_back: those that its script needs; they are not kept.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'control_rollout',
  title: 'Pause, resume or roll back a rollout',
  description:
    'Pauses a rollout (devices at work end, no other begins), resumes one that was paused or stopped itself (devices that failed are tried again; it becomes an act of whoever resumes it), or rolls back what it did where an inverse exists: isolation, and scripts with an undo script. cancel_operation ends it.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: {
    field: 'action',
    each: {
      pause: { tier: 2, permission: 'operations.write', idempotent: true },
      // What they do on devices takes the permission of the rollout's own tool besides, see `mayAct`.
      resume: { tier: 3, permission: 'operations.write' },
      roll_back: { tier: 3, permission: 'operations.write', destructive: true },
    },
  },
  input,
  outlivesCall: true,
  output: z.object({ operation: z.string(), rollout: rolloutShape }),
  async targets(context, { operation: reference, action, secrets }) {
    const operation = await findOperation(context.tx, reference)
    const { rollout, tallies } = await viewOf(context, operation.id)
    // What goes on is an act on all that it goes on with.
    if (action === 'resume') return mayAct(context, rollout, await devicesLeft(context.tx, rollout.id))
    if (action === 'roll_back') {
      requireAtRest({ rollout, tallies })
      const inverse = await inverseOf(context, rollout, secrets)
      return mayAct(context, inverse, await undoTargets(context, rollout, inverse))
    }
    const organizations = operation.organizationIds.length > 0 ? operation.organizationIds : [null]
    return organizations.map((organizationId) => ({
      kind: 'operation' as const,
      id: operation.id,
      name: `${operation.tool}: ${operation.summary}`,
      organizationId,
      siteId: null,
    }))
  },
  async plan(context, { operation: reference, action, secrets }, targets) {
    const operation = await findOperation(context.tx, reference)
    const view = await viewOf(context, operation.id)
    const { rollout, total, counts } = view
    const left = total - (counts['succeeded'] ?? 0) - (counts['cancelled'] ?? 0) - (counts['passed_over'] ?? 0)
    if (action === 'pause')
      return { summary: `Pause the rollout: ${left} of ${total} devices are not done.`, irreversible: [] }
    if (action === 'roll_back') {
      requireCapable(targets)
      const inverse = await inverseOf(context, rollout, secrets)
      return { ...undoEffect(view, inverse, splitAble(targets).able.length), ruledAs: [operation.tool] }
    }
    return {
      summary: `Go on with the rollout that is ${rollout.state}, on ${left} of ${total} devices.`,
      irreversible: ['What is done on a device stays done.'],
      ruledAs: [operation.tool],
    }
  },
  async run(context, asked, targets) {
    const { tx, caller, services, now } = context
    const { action, reason } = asked
    const operation = await findOperation(tx, asked.operation)
    const { rollout } = await viewOf(context, operation.id)
    if (action === 'roll_back') return { operation: await rollBack(context, asked, rollout, targets) }
    if (action === 'resume') await services.rollouts.resume(tx, caller, rollout.id)
    else {
      const why = reason === undefined ? '' : `: ${reason}`
      await services.rollouts.pause(tx, rollout.id, `paused by ${caller.user.name}${why}`)
    }
    await finishOperation(tx, operationOf(context), 'succeeded', now())
    return { operation: operation.id }
  },
  async settle(context, { operation }, { action }) {
    if (action === 'roll_back') return { operation, view: await awaitRollout(context, operation) }
    return { operation, view: await context.transaction((tx) => viewOf({ tx, now: context.now }, operation)) }
  },
  present: ({ operation, view }, { action }) => ({
    text:
      action === 'roll_back'
        ? `${rolloutText(view)}\nget_operation ${operation} tells of it device by device.`
        : rolloutText(view),
    data: { operation, rollout: presentRollout(view) },
  }),
})

const inverseOf = (context: TransactionContext, rollout: Rollout, secrets: Input['secrets']) =>
  context.services.rollouts.inverseOf(context, rollout, { secrets: secrets ?? {} })

/** Answers the operation that the taking back goes on as: that of this call. */
async function rollBack(context: RunContext, { secrets }: Input, rollout: Rollout, targets: readonly Target[]) {
  const { able, apart } = splitAble(targets)
  const inverse = await inverseOf(context, rollout, secrets)
  await context.services.rollouts.rollBack(context, rollout, inverse, able)
  const operation = operationOf(context)
  if (apart.length > 0) await leaveOut(context.tx, operation, apart)
  return operation
}

async function viewOf({ tx, now }: Pick<TransactionContext, 'tx' | 'now'>, operationId: string): Promise<RolloutView> {
  const view = await rolloutOfOperation(tx, operationId, now(), 0)
  if (!view) throw conflict('This operation is no rollout.', 'cancel_operation ends it.')
  return view
}

/** The tool that goes over a rollout must open nothing that the tool which began it would not. */
function mayAct<T extends Target>(
  { services, caller }: Pick<TransactionContext, 'services' | 'caller'>,
  rollout: Pick<Rollout, 'kind' | 'task'>,
  targets: T[],
): T[] {
  const permission = services.rollouts.requireMayTakeOver(caller, rollout)
  for (const { name, organizationId, siteId } of targets) {
    if (organizationId !== null && siteId !== null && holdsAt(caller, permission, { organizationId, siteId })) continue
    throw forbidden(`Your role does not include the permission ${permission} at ${name}.`, 'Ask somebody who has it.')
  }
  return targets
}

async function devicesLeft(tx: Tx, rollout: string): Promise<DeviceTarget[]> {
  const ids = await unfinishedDevices(tx, rollout)
  if (ids.length === 0) throw conflict('Nothing is left of this rollout.', 'get_operation tells how it ended.')
  return (await targetsByFilter(tx, { ids }, MOST_DEVICES)).targets
}
