import { z } from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import { leaveOut } from '../../../kernel/operations.ts'
import { defineTool, operationOf, type RunContext, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import {
  asked,
  commandTargets,
  requireCapable,
  sendCommands,
  SHORT_WAIT_MINUTES,
  splitAble,
} from '../../commands/acting.ts'
import { awaitCommands } from '../../commands/await.ts'
import { manyDevices, presentCommands } from '../../commands/answer.ts'
import { operationShape } from '../../commands/present.ts'
import { awaitRollout, presentBegun } from '../../rollouts/await.ts'
import { type PlannedStages, stagedRollout, stagesAsked, stagingFields } from '../../rollouts/staging.ts'
import { actionFields, actionTask, bodyOf, effectOf, VERB } from '../rollout/action.ts'
import { DEVICE_ACTION } from '../rollout/kind.ts'
import { selectionFields, selectTargets } from '../select.ts'
import { planOfWaking, presentWaking, settleWaking, wake } from '../waking.ts'

const input = z.object({ ...selectionFields, ...actionFields, ...stagingFields })
type Input = z.output<typeof input>

const stagesOf = ({ tx }: TransactionContext, input: Input, targets: readonly Target[]) =>
  stagesAsked(tx, input, splitAble(targets).able, SHORT_WAIT_MINUTES)

export default defineTool({
  name: 'device_actions',
  title: 'Device actions',
  description:
    'Locks, wakes, reboots, shuts down or isolates devices, or releases isolated ones. Reboot and shutdown take a delay; get_operation tells whether a device came back. What is offline is reached only if it connects within 15 minutes. Wake has other devices of the site send a packet; whether it woke, list_devices tells. Isolated, a device reaches this server only.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      lock: { tier: 2, permission: 'devices.write', idempotent: true },
      wake: { tier: 2, permission: 'devices.write', idempotent: true },
      reboot: { tier: 3, permission: 'devices.execute', destructive: true },
      shutdown: { tier: 3, permission: 'devices.execute', destructive: true },
      isolate: { tier: 3, permission: 'devices.execute', destructive: true, idempotent: true },
      release: { tier: 3, permission: 'devices.execute', idempotent: true },
      wipe: {
        tier: 4,
        permission: 'devices.execute',
        humanPath: 'Wiping a device is done at the device, not through Breeze.',
      },
      uninstall_agent: {
        tier: 4,
        permission: 'devices.execute',
        humanPath: 'Uninstall the agent at the device itself.',
      },
    },
  },
  outlivesCall: true,
  deviceText: true,
  input,
  output: operationShape,
  async targets(context, input) {
    const body = bodyOf(input)
    if (!body && input.stages) throw invalidInput('stages: waking has none.')
    if (body) return commandTargets(context, input, asked(body, SHORT_WAIT_MINUTES))
    const sleepers = await selectTargets(context.tx, context.caller, input)
    return sleepers.map(({ caveat: _caveat, ...target }) => target)
  },
  async plan(context, input, targets) {
    const body = bodyOf(input)
    if (!body) {
      const warnings = await planOfWaking(context, targets)
      return { summary: `Send wake-up packets to ${manyDevices(targets.length)}.`, irreversible: [], warnings }
    }
    requireCapable(targets)
    const staged = await stagesOf(context, input, targets)
    const effect = effectOf(input, targets.length, staged?.text ?? '')
    return staged ? { ...effect, binding: { stages: staged.digest } } : effect
  },
  async run(context, input, targets) {
    const body = bodyOf(input)
    if (!body) return { kind: 'wake' as const, woken: await wake(context, targets) }
    const staged = await stagesOf(context, input, targets)
    if (staged) return { kind: 'staged' as const, operation: await begin(context, input, targets, staged) }
    return { kind: 'sent' as const, sent: await sendCommands(context, targets, body, SHORT_WAIT_MINUTES) }
  },
  async settle(context, ran) {
    if (ran.kind === 'wake') return { kind: ran.kind, woken: await settleWaking(context, ran.woken) }
    if (ran.kind === 'staged') return { kind: ran.kind, view: await awaitRollout(context, ran.operation) }
    return { kind: ran.kind, settled: await awaitCommands(context, ran.sent) }
  },
  present(ended, input) {
    if (ended.kind === 'wake') return presentWaking(ended.woken)
    if (ended.kind === 'staged') return presentBegun(ended.view)
    return presentCommands(VERB[input.action] ?? input.action, ended.settled)
  },
})

async function begin(context: RunContext, input: Input, targets: readonly Target[], staged: PlannedStages) {
  const operation = operationOf(context)
  const { able, apart } = splitAble(targets)
  const task = actionTask.parse(input)
  const rollout = stagedRollout({ kind: DEVICE_ACTION, task }, staged, able, context.now())
  await context.services.rollouts.start(context, operation, rollout)
  if (apart.length > 0) await leaveOut(context.tx, operation, apart)
  return operation
}
