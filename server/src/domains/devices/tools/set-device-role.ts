import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { chooseRole } from '../device-roles.ts'
import { selectDevices, selectionFields, withoutCaveats } from '../select.ts'
import { DEVICE_ROLES } from '../tables.ts'

const CHOICES = [...DEVICE_ROLES.filter((role) => role !== 'unknown'), 'automatic'] as const
const SHOWN = 200

export default defineTool({
  name: 'set_device_role',
  title: 'Set device role',
  description:
    'Says what devices are for. The choice stays, whatever their inventory tells; automatic goes back to what the system and its services say. Roles decide how cautiously an act is confirmed and which alert rules hold.',
  area: 'devices',
  byArea: true,
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 2, permission: 'devices.write', idempotent: true },
  input: z.object({ ...selectionFields, role: z.enum(CHOICES) }),
  output: z.object({
    role: z.string(),
    devices: z.array(z.object({ id: z.string(), name: z.string() })),
    total: z.number().int(),
  }),
  targets: async ({ tx, caller }, input) => withoutCaveats(await selectDevices(tx, caller, input)),
  plan: async (_, { role }, targets) => ({
    summary: `Set the role of ${targets.length} device${targets.length === 1 ? '' : 's'} to ${role}.`,
    irreversible: [],
  }),
  async run({ tx, events }, { role }, targets) {
    const ids = targets.map((target) => target.id)
    const changed = new Set(await chooseRole(tx, ids, role === 'automatic' ? null : role))
    tx.afterCommit(() => events.publish('devices'))
    return targets.filter(({ id }) => changed.has(id)).map(({ id, name }) => ({ id, name }))
  },
  present: (devices, { role }) => ({
    text: `The role of ${devices.length} device${devices.length === 1 ? '' : 's'} is ${role} now.`,
    data: { role, devices: devices.slice(0, SHOWN), total: devices.length },
  }),
})
