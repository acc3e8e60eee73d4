import { z } from 'zod'
import { reasonField } from '../../../identity/fields.ts'
import type { Tx } from '../../../kernel/db.ts'
import { holdsAt } from '../../../kernel/caller.ts'
import { conflict, forbidden } from '../../../kernel/errors.ts'
import { defineTool, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import { type DeviceTarget, targetsByFilter } from '../../devices/find.ts'
import { MOST_DEVICES } from '../../devices/select.ts'
import { findOperation } from '../../operations/service.ts'
import { presentRollout, rolloutShape, rolloutText } from '../present.ts'
import type { Rollout } from '../rows.ts'
import { rolloutOfOperation, type RolloutView, unfinishedDevices } from '../reads.ts'

const input = z.object({
  operation: z.string().max(100).describe('Of an act in stages.'),
  action: z.enum(['pause', 'resume']),
  reason: reasonField.optional(),
})

export default defineTool({
  name: 'control_rollout',
  title: 'Pause or resume a rollout',
  description:
    'Pauses a rollout (devices at work end, no other begins) or resumes one that was paused or stopped itself: devices that failed are tried again, and it goes on as an act of whoever resumes it. cancel_operation ends it.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: {
    field: 'action',
    each: {
      pause: { tier: 2, permission: 'operations.write', idempotent: true },
      // What it does on devices takes the permission of its own tool besides, see `mayAct`.
      resume: { tier: 3, permission: 'operations.write' },
    },
  },
  input,
  output: z.object({ operation: z.string(), rollout: rolloutShape }),
  async targets(context, { operation: reference, action }) {
    const { tx, now } = context
    const operation = await findOperation(tx, reference)
    const { rollout } = await viewOf(tx, operation.id, now())
    // What goes on is an act on all that it goes on with.
    if (action === 'resume') return mayAct(context, rollout, await devicesLeft(tx, rollout.id))
    const organizations = operation.organizationIds.length > 0 ? operation.organizationIds : [null]
    return organizations.map((organizationId) => ({
      kind: 'operation' as const,
      id: operation.id,
      name: `${operation.tool}: ${operation.summary}`,
      organizationId,
      siteId: null,
    }))
  },
  async plan({ tx, now }, { operation: reference, action }) {
    const operation = await findOperation(tx, reference)
    const { rollout, total, counts } = await viewOf(tx, operation.id, now())
    const left = total - (counts['succeeded'] ?? 0) - (counts['cancelled'] ?? 0) - (counts['passed_over'] ?? 0)
    return {
      summary:
        action === 'pause'
          ? `Pause the rollout: ${left} of ${total} devices are not done.`
          : `Go on with the rollout that is ${rollout.state}, on ${left} of ${total} devices.`,
      irreversible: action === 'pause' ? [] : ['What is done on a device stays done.'],
      ruledAs: action === 'pause' ? [] : [operation.tool],
    }
  },
  async run(context, { operation: reference, action, reason }) {
    const { tx, caller, services, now } = context
    const operation = await findOperation(tx, reference)
    const { rollout } = await viewOf(tx, operation.id, now())
    if (action === 'resume') await services.rollouts.resume(tx, caller, rollout.id)
    else {
      const why = reason === undefined ? '' : `: ${reason}`
      await services.rollouts.pause(tx, rollout.id, `paused by ${caller.user.name}${why}`)
    }
    return { operation: operation.id, view: await viewOf(tx, operation.id, now()) }
  },
  present: ({ operation, view }) => ({ text: rolloutText(view), data: { operation, rollout: presentRollout(view) } }),
})

async function viewOf(tx: Tx, operationId: string, now: Date): Promise<RolloutView> {
  const view = await rolloutOfOperation(tx, operationId, now, 0)
  if (!view) throw conflict('This operation is no rollout.', 'cancel_operation ends it.')
  return view
}

/** The tool that goes over a rollout must open nothing that the tool which began it would not. */
function mayAct<T extends Target>(
  { services, caller }: Pick<TransactionContext, 'services' | 'caller'>,
  rollout: Rollout,
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
