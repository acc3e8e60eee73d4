import { defineTool } from '../../../kernel/tool.ts'
import { requireCapable } from '../../commands/acting.ts'
import { operationShape } from '../../commands/present.ts'
import { awaitRollout, presentBegun } from '../../rollouts/await.ts'
import { beginPlanned } from '../../rollouts/staging.ts'
import { updateInput } from '../input.ts'
import { AGENT_UPDATE } from '../kind.ts'
import { planUpdate } from '../plan.ts'
import { updateTargets } from '../targets.ts'

export default defineTool({
  name: 'update_agents',
  title: 'Update agents',
  description:
    'Updates the agents of devices to the version that this server ships, in stages that stop when too many fail. Updated is a device that connects with the new version; one that can not goes back by itself. get_operation tells how it goes on.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 3, permission: 'devices.execute', destructive: true, idempotent: false },
  outlivesCall: true,
  deviceText: true,
  input: updateInput,
  output: operationShape,
  targets: (context, input) => updateTargets(context, input),
  async plan(context, input, targets) {
    requireCapable(targets)
    return (await planUpdate(context, input, targets)).effect
  },
  run: async (context, input, targets) =>
    beginPlanned(context, AGENT_UPDATE, await planUpdate(context, input, targets)),
  settle: (context, { operation }) => awaitRollout(context, operation),
  present: (view) => presentBegun(view),
})
