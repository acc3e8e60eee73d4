import { z } from 'zod'
import { nameField } from '../../../identity/fields.ts'
import { conflict, invalidInput } from '../../../kernel/errors.ts'
import { defineTool, type RunContext, type Target } from '../../../kernel/tool.ts'
import type { BlockingCondition } from '../conditions.ts'
import { selectDevices, selectionFields, withoutCaveats } from '../select.ts'
import { removeDevices, renameDevice, trustDevices } from '../standing.ts'
import type { DeviceTarget } from '../find.ts'

const ACTIONS = ['approve', 'reject', 'release', 'rename', 'remove'] as const
type Action = (typeof ACTIONS)[number]

/** Of which devices an action is about: a filter passes over the others, and naming one changes nothing. */
const CONCERNS: Partial<Record<Action, BlockingCondition>> = {
  approve: 'awaiting_approval',
  reject: 'awaiting_approval',
  release: 'quarantined',
}
const DONE: Record<Action, string> = {
  approve: 'approved',
  reject: 'rejected',
  release: 'released from quarantine',
  rename: 'renamed',
  remove: 'removed',
}
const SHOWN = 200

export default defineTool({
  name: 'manage_devices',
  title: 'Manage devices',
  description:
    'Approves or rejects devices that wait, releases quarantined ones, renames or removes devices. Until approved or released a device gets no commands. One that is rejected or removed has to be enrolled again; its history stays.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      approve: { tier: 2, permission: 'enrollment.write' },
      reject: { tier: 3, permission: 'enrollment.write', destructive: true },
      release: { tier: 3, permission: 'enrollment.write' },
      rename: { tier: 2, permission: 'devices.write', idempotent: true },
      remove: { tier: 3, permission: 'devices.execute', destructive: true },
    },
  },
  input: z.object({
    action: z.enum(ACTIONS),
    ...selectionFields,
    name: nameField.optional().describe('For rename: the new name of the one device.'),
  }),
  output: z.object({
    action: z.string(),
    devices: z.array(z.object({ id: z.string(), name: z.string() })),
    total: z.number().int(),
  }),
  async targets({ tx, caller }, input): Promise<Target[]> {
    const targets = await selectDevices(tx, caller, input, { having: CONCERNS[input.action] })
    if ((input.action === 'rename') !== (input.name !== undefined))
      throw invalidInput('name: belongs to rename, and rename needs it.')
    if (input.action === 'rename' && targets.length > 1) throw invalidInput('devices: rename takes one device.')
    return withoutCaveats(targets)
  },
  plan: async (_, { action, name }, targets) => {
    const condition = CONCERNS[action]
    // As `targets` above found them.
    const others = (targets as DeviceTarget[]).filter((target) => condition && !target.conditions.includes(condition))
    const devices = `${targets.length} device${targets.length === 1 ? '' : 's'}`
    const leaves = action === 'reject' || action === 'remove'
    return {
      summary: action === 'rename' ? `Rename ${devices} to "${name}".` : `Have ${devices} ${DONE[action]}.`,
      irreversible: leaves ? ['To come back, a device has to be enrolled again, as a new one.'] : [],
      warnings:
        others.length > 0
          ? [`${others.length} of them are not ${condition?.replace('_', ' ')}: nothing happens to those.`]
          : [],
    }
  },
  async run(context, input, targets) {
    const changed = new Set(
      await change(
        context,
        input,
        targets.map((target) => target.id),
      ),
    )
    if (changed.size === 0)
      throw conflict(
        `None of them is ${CONCERNS[input.action]?.replace('_', ' ') ?? 'there any more'}.`,
        'Look at their conditions with list_devices.',
      )
    return targets.filter((target) => changed.has(target.id)).map(({ id, name }) => ({ id, name: input.name ?? name }))
  },
  present: (devices, { action }) => ({
    text: `${devices.length} device${devices.length === 1 ? '' : 's'} ${DONE[action]}: ${devices
      .slice(0, 20)
      .map((device) => device.name)
      .join(', ')}${devices.length > 20 ? ', …' : ''}.`,
    data: { action, devices: devices.slice(0, SHOWN), total: devices.length },
  }),
})

async function change(
  { tx, now, services, caller }: RunContext,
  { action, name }: { action: Action; name?: string | undefined },
  ids: string[],
): Promise<string[]> {
  switch (action) {
    case 'approve':
    case 'release': {
      const trusted = await trustDevices(tx, ids, action === 'approve' ? 'awaiting_approval' : 'quarantined')
      tx.afterCommit(() => services.agents.trusted(trusted))
      return trusted
    }
    case 'reject':
    case 'remove': {
      const gone = await removeDevices(tx, ids, now(), CONCERNS[action])
      await services.commands.cancel(tx, now(), { deviceIds: gone }, `device removed by ${caller.user.name}`)
      tx.afterCommit(() => gone.forEach((id) => services.agents.disconnect(id)))
      return gone
    }
    case 'rename':
      return renameDevice(tx, ids[0] ?? '', name ?? '')
  }
}
