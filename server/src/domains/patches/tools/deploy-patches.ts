import { defineTool } from '../../../kernel/tool.ts'
import { requireCapable } from '../../commands/acting.ts'
import { operationShape } from '../../commands/present.ts'
import { awaitRollout, presentBegun } from '../../rollouts/await.ts'
import { beginPlanned } from '../../rollouts/staging.ts'
import { deployInput } from '../deployment/input.ts'
import { DEPLOYMENT } from '../deployment/kind.ts'
import { planDeployment } from '../deployment/plan.ts'
import { deployTargets } from '../deployment/targets.ts'

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
  run: async (context, input, targets) =>
    beginPlanned(context, DEPLOYMENT, await planDeployment(context, input, targets)),
  settle: (context, { operation }) => awaitRollout(context, operation),
  present: (view) => presentBegun(view),
})
