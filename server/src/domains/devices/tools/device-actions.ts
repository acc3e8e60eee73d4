import { z } from 'zod'
import { defineTool, operationOf, type Target } from '../../../kernel/tool.ts'
import { awaitCommands } from '../../commands/await.ts'
import { countsByState, countsText, liveState, operationShape, resultText } from '../../commands/present.ts'
import { placeOf, selectionFields, selectTargets } from '../select.ts'

/** A reboot that reaches a device hours late surprises whoever sits at it. */
const EXPIRES_MINUTES = 15

export default defineTool({
  name: 'device_actions',
  title: 'Device actions',
  description:
    'Reboots or shuts down one or many devices, after an optional delay and with a reason that is logged. A device that is offline gets it only if it connects within 15 minutes. A device that shuts down must be switched on by hand.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
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
  input: z.object({
    ...selectionFields,
    action: z.enum(['reboot', 'shutdown', 'wipe', 'uninstall_agent']),
    delay_seconds: z.number().int().min(0).max(86_400).default(0),
    reason: z.string().max(500).default(''),
  }),
  output: operationShape,
  targets: ({ tx, caller }, input) => selectTargets(tx, caller, input),
  plan: async (_, input, targets) => ({
    summary: `${input.action === 'reboot' ? 'Reboot' : 'Shut down'} ${targets.length} device${targets.length === 1 ? '' : 's'}${input.delay_seconds > 0 ? ` after ${input.delay_seconds} seconds` : ' at once'}.`,
    irreversible: [
      'Unsaved work on the devices is lost.',
      ...(input.action === 'shutdown' ? ['Breeze can not switch them on again.'] : []),
    ],
  }),
  async run(context, input, targets) {
    const operation = operationOf(context)
    const now = context.now()
    const args = { delaySeconds: input.delay_seconds, reason: input.reason }
    await context.services.commands.queue(context.tx, now, {
      operationId: operation,
      devices: targets.map(placeOf),
      body: input.action === 'reboot' ? { type: 'power.reboot', args } : { type: 'power.shutdown', args },
      expiresAt: new Date(now.getTime() + EXPIRES_MINUTES * 60_000),
      newId: context.newId,
    })
    return { operation, reachable: targets.filter((target: Target) => target.caveat === undefined).length }
  },
  settle: (context, { operation, reachable }) => awaitCommands(context, operation, reachable),
  present({ operation, progress, devices }, input) {
    return {
      text: [
        `${input.action} on ${progress.total} device${progress.total === 1 ? '' : 's'}: ${countsText(progress)}.`,
        ...devices.slice(0, 20).map(resultText),
      ].join('\n'),
      data: {
        operation,
        state: liveState('running', progress),
        devices,
        total: progress.total,
        counts: countsByState(progress),
      },
    }
  },
})
