import { isIPv6 } from 'node:net'
import { type CommandBody, isolateArgs } from '@breeze/contract/agent-commands'
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
  action: z.enum(['lock', 'wake', 'reboot', 'shutdown', 'isolate', 'release', 'wipe', 'uninstall_agent']),
  delay_seconds: z.number().int().min(0).max(86_400).default(0).describe('Of reboot and shutdown.'),
  reason: z.string().max(500).default(''),
  release_after_seconds: z.number().int().min(0).max(604_800).default(0).describe('Of isolate; 0: until release.'),
  allow: isolateArgs.shape.allow.default([]).describe('Of isolate: stays in reach beside the server.'),
})
type Input = z.output<typeof input>

/** Null for waking, which other devices than the named ones do. */
function bodyOf({ action, delay_seconds, reason, allow, release_after_seconds }: Input): CommandBody | null {
  const args = { delaySeconds: delay_seconds, reason }
  if (action === 'wake') return null
  if (action === 'lock') return { type: 'device.lock', args: {} }
  if (action === 'reboot') return { type: 'power.reboot', args }
  if (action === 'shutdown') return { type: 'power.shutdown', args }
  if (action === 'isolate')
    return { type: 'network.isolate', args: { allow, releaseAfterSeconds: release_after_seconds } }
  if (action === 'release') return { type: 'network.release', args: {} }
  throw new Error(`${action} is never carried out`)
}

const VERB: Partial<Record<Input['action'], string>> = {
  lock: 'Lock',
  reboot: 'Reboot',
  shutdown: 'Shut down',
  isolate: 'Isolate',
  release: 'Release',
}

/** What stays in reach, and when it ends. */
function isolationEffect({ allow, release_after_seconds }: Input, devices: number): Effect {
  const named = allow.map(({ address, port }) => (isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`))
  const reach = ['this server', 'loopback', 'DHCP', ...named].join(', ')
  const hours = Math.round(release_after_seconds / 360) / 10
  const end = release_after_seconds === 0 ? 'when somebody releases it' : `by itself after ${hours} hours`
  return {
    summary: `Isolate ${manyDevices(devices)}: only ${reach} stay in reach. It ends ${end}.`,
    irreversible: ['Open connections to everything else end at once, name servers included.'],
  }
}

function effectOf(input: Input, devices: number): Effect {
  const { action, delay_seconds } = input
  if (action === 'isolate') return isolationEffect(input, devices)
  if (action === 'release')
    return { summary: `Release ${manyDevices(devices)}: the whole network is in reach again.`, irreversible: [] }
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
