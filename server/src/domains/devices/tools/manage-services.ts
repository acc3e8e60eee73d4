import { SERVICE_ACTIONS, type CommandBody } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { notFound } from '../../../kernel/errors.ts'
import { defineTool, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import { asked, commandTargets, requireCapable, sendCommands, SHORT_WAIT_MINUTES } from '../../commands/acting.ts'
import { awaitCommands } from '../../commands/await.ts'
import { dataOf } from '../../commands/data.ts'
import { presentCommands } from '../../commands/answer.ts'
import { operationShape } from '../../commands/present.ts'
import { cleanName } from '../device-name.ts'
import { serviceName, storedServices } from '../stored-services.ts'

const input = z.object({
  device: z.string().min(1).max(255).describe('Id or name.'),
  service: z.string().min(1).max(256).describe('Name, or the display name that Windows shows.'),
  action: z.enum(SERVICE_ACTIONS),
  timeout_seconds: z.number().int().min(1).max(600).default(60),
  unlisted: z.boolean().default(false).describe('Also a name that the stored list does not have.'),
})
type Input = z.output<typeof input>

const VERB = { start: 'Start', stop: 'Stop', restart: 'Restart' }

export default defineTool({
  name: 'manage_services',
  title: 'Manage services',
  description:
    'Starts, stops or restarts one service on one device, and answers with its state before and as read back afterwards. An unknown name answers with candidates. An offline device gets it only if it connects within 15 minutes.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      start: { tier: 3, permission: 'devices.execute', destructive: false, idempotent: true },
      stop: { tier: 3, permission: 'devices.execute', destructive: true, idempotent: true },
      restart: { tier: 3, permission: 'devices.execute', destructive: true },
    },
  },
  outlivesCall: true,
  deviceText: true,
  input,
  output: operationShape.extend({
    service: z
      .object({ name: z.string(), before: z.string(), state: z.string(), pid: z.number().nullable() })
      .optional()
      .describe('As the device read it back.'),
  }),
  targets: (context, input) =>
    commandTargets(context, { devices: input.device }, asked(bodyOf(input, input.service), SHORT_WAIT_MINUTES)),
  async plan(context, input, targets) {
    requireCapable(targets)
    const name = await nameOf(context, input, targets)
    const stops = input.action === 'start' ? [] : ['Whoever uses the service is cut off while it is down.']
    return {
      summary: `${VERB[input.action]} the service ${cleanName(name, 100)} on ${targets[0]?.name ?? input.device}.`,
      irreversible: [],
      warnings: stops,
      // What a name means may change with the list.
      binding: { service: name },
    }
  },
  async run(context, input, targets) {
    const name = await nameOf(context, input, targets)
    return sendCommands(context, targets, bodyOf(input, name), SHORT_WAIT_MINUTES)
  },
  settle: (context, sent) => awaitCommands(context, sent),
  present(settled, input) {
    const { text, data } = presentCommands(`${VERB[input.action]} ${input.service}`, settled)
    const [result] = settled.results
    const found = result ? dataOf(result, 'service.control') : null
    if (!found) return { text, data }
    const { name, before, state, pid } = found
    return { text, data: { ...data, service: { name, before, state, pid } } }
  },
})

const bodyOf = ({ action, timeout_seconds }: Input, name: string): CommandBody => ({
  type: 'service.control',
  args: { name, action, timeoutSeconds: timeout_seconds },
})

async function nameOf({ tx, services }: TransactionContext, input: Input, targets: readonly Target[]): Promise<string> {
  if (input.unlisted) return input.service
  const stored = await storedServices(tx, services.devices, targets[0]?.id ?? '')
  if (!stored) throw notFound('device', input.device)
  return serviceName(stored, input.service)
}
