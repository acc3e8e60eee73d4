import type { CommandBody } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { defineTool, type Effect } from '../../../kernel/tool.ts'
import { asked, commandTargets, requireCapable, sendCommands, SHORT_WAIT_MINUTES } from '../../commands/acting.ts'
import { awaitCommands } from '../../commands/await.ts'
import { manyDevices, presentCommands } from '../../commands/answer.ts'
import { operationShape } from '../../commands/present.ts'
import { selectionFields, selectTargets } from '../select.ts'
import { planOfWaking, presentWaking, settleWaking, wake } from '../waking.ts'

const input = z.object({
  ...selectionFields,
  action: z.enum(['lock', 'wake', 'reboot', 'shutdown', 'wipe', 'uninstall_agent']),
  delay_seconds: z.number().int().min(0).max(86_400).default(0).describe('Of reboot and shutdown.'),
  reason: z.string().max(500).default(''),
})
type Input = z.output<typeof input>

/** Null for waking, which other devices than the named ones do. */
function bodyOf({ action, delay_seconds, reason }: Input): CommandBody | null {
  const args = { delaySeconds: delay_seconds, reason }
  if (action === 'wake') return null
  if (action === 'lock') return { type: 'device.lock', args: {} }
  if (action === 'reboot') return { type: 'power.reboot', args }
  if (action === 'shutdown') return { type: 'power.shutdown', args }
  throw new Error(`${action} is never carried out`)
}

const VERB: Partial<Record<Input['action'], string>> = { lock: 'Lock', reboot: 'Reboot', shutdown: 'Shut down' }

function effectOf({ action, delay_seconds }: Input, devices: number): Effect {
  const delay = action === 'lock' ? '' : delay_seconds > 0 ? ` after ${delay_seconds} seconds` : ' at once'
  return {
    summary: `${VERB[action]} ${manyDevices(devices)}${delay}.`,
    irreversible: [
      ...(action === 'lock' ? [] : ['Unsaved work on the devices is lost.']),
      ...(action === 'shutdown' ? ['What does not answer to wake-up packets must be switched on by hand.'] : []),
    ],
  }
}

export default defineTool({
  name: 'device_actions',
  title: 'Device actions',
  description:
    'Locks, wakes, reboots or shuts down devices. Reboot and shutdown take a delay and reach an offline device only if it connects within 15 minutes. Wake has other devices of the site send a packet; whether it woke, list_devices tells.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      lock: { tier: 2, permission: 'devices.write', idempotent: true },
      wake: { tier: 2, permission: 'devices.write', idempotent: true },
      reboot: { tier: 3, permission: 'devices.execute', destructive: true },
      shutdown: { tier: 3, permission: 'devices.execute', destructive: true },
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
    return effectOf(input, targets.length)
  },
  async run(context, input, targets) {
    const body = bodyOf(input)
    if (!body) return { kind: 'wake' as const, woken: await wake(context, targets) }
    return { kind: 'sent' as const, sent: await sendCommands(context, targets, body, SHORT_WAIT_MINUTES) }
  },
  async settle(context, ran) {
    if (ran.kind === 'wake') return { kind: ran.kind, woken: await settleWaking(context, ran.woken) }
    return { kind: ran.kind, settled: await awaitCommands(context, ran.sent) }
  },
  present: (ended, input) =>
    ended.kind === 'wake'
      ? presentWaking(ended.woken)
      : presentCommands(VERB[input.action] ?? input.action, ended.settled),
})
