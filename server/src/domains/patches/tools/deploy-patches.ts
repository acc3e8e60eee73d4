import { leaveOut } from '../../../kernel/operations.ts'
import { defineTool, operationOf, type SettleContext } from '../../../kernel/tool.ts'
import { requireCapable } from '../../commands/acting.ts'
import { operationShape, resultText } from '../../commands/present.ts'
import { rolloutOfOperation, type RolloutView } from '../../rollouts/reads.ts'
import { rolloutText } from '../../rollouts/present.ts'
import { deployInput } from '../deployment/input.ts'
import { DEPLOYMENT } from '../deployment/kind.ts'
import { planDeployment } from '../deployment/plan.ts'
import { deployTargets } from '../deployment/targets.ts'

const SHOWN = 200

export default defineTool({
  name: 'deploy_patches',
  title: 'Deploy patches',
  description:
    'Installs missing updates, in stages that stop when too many fail, inside maintenance windows unless told otherwise. Patched is what a new scan proves. get_operation tells how it goes on.',
  area: 'patches',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 3, permission: 'patches.execute', destructive: true, idempotent: false },
  outlivesCall: true,
  deviceText: true,
  input: deployInput,
  output: operationShape,
  targets: (context, input) => deployTargets(context, input),
  async plan(context, input, targets) {
    requireCapable(targets)
    return (await planDeployment(context, input, targets)).effect
  },
  async run(context, input, targets) {
    const operation = operationOf(context)
    const { rollout, apart } = await planDeployment(context, input, targets)
    await context.services.rollouts.start(context, operation, { ...rollout, kind: DEPLOYMENT })
    if (apart.length > 0) await leaveOut(context.tx, operation, apart)
    return { operation }
  },
  settle: (context, { operation }) => untilIdle(context, operation),
  present(view) {
    const { rollout, devices, total, counts } = view
    return {
      text: [
        rolloutText(view),
        ...devices.slice(0, 20).map(resultText),
        ...(rollout.finishedAt ? [] : [`get_operation ${rollout.operationId} tells how it goes on.`]),
      ].join('\n'),
      data: { operation: rollout.operationId, state: rollout.state, devices, total, counts },
    }
  },
})

/** As long as something goes on that can end within the call. */
async function untilIdle(context: SettleContext, operation: string): Promise<RolloutView> {
  const look = () => context.transaction((tx) => rolloutOfOperation(tx, operation, context.now(), SHOWN))
  const idle = async () => {
    const view = await look()
    if (view)
      context.progress(
        view.tallies.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0),
        view.total,
      )
    return view && (view.rollout.finishedAt !== null || (view.busy === 0 && view.rollout.stage !== null))
      ? view
      : undefined
  }
  const view = (await context.events.until(`operation:${operation}`, context.signal, idle)) ?? (await look())
  if (!view) throw new Error('the rollout that was begun is there')
  return view
}
