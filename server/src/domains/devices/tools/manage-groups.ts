import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool, type RunContext, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import type { DeviceTarget } from '../find.ts'
import {
  addGroup,
  addMembers,
  changeGroup,
  countMembers,
  deleteGroup,
  findGroup,
  type GroupRow,
  removeMembers,
} from '../groups.ts'
import { fieldsOfFilter, type SavedFilter } from '../saved-filter.ts'
import { requiredMatches } from '../custom-fields.ts'
import { selectDevices, selectionFields, withIds, withoutCaveats } from '../select.ts'
import { levelTargets, requireLevel, settingLevel } from '../../organizations/setting-level.ts'

const PERMISSION = 'monitoring.write'
const WHAT = 'A group for devices of every organization'

const input = z.object({
  action: z.enum(['create', 'update', 'delete', 'add', 'remove']),
  group: referenceField.optional().describe('Id or name; not for create.'),
  name: nameField.optional(),
  organization: referenceField.optional().describe('create: id or name; none: for devices of every organization.'),
  devices: selectionFields.devices.describe('add, remove: ids or names.'),
  filter: selectionFields.filter.describe(
    'create, update: who belongs to it; add, remove: instead of devices. As in list_devices:',
  ),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_groups',
  title: 'Manage device groups',
  description:
    'Creates, changes or deletes groups of devices, and puts devices into them or takes them out. A group made with a filter holds whatever matches it at the time. Rules and windows that name a deleted group reach none of its devices any more.',
  area: 'devices',
  byArea: true,
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      create: { tier: 2, permission: PERMISSION },
      update: { tier: 2, permission: PERMISSION, idempotent: true },
      delete: { tier: 2, permission: PERMISSION, destructive: true },
      add: { tier: 2, permission: PERMISSION, idempotent: true },
      remove: { tier: 2, permission: PERMISSION, idempotent: true },
    },
  },
  input,
  output: z.object({
    id: z.string(),
    name: z.string(),
    state: z.string(),
    changed: z.number().int().optional().describe('add, remove: devices.'),
    devices: z.number().int().describe('In it now, of those you see.'),
  }),
  async targets(context, input): Promise<Target[]> {
    const level = await checked(context, input)
    const { tx, caller } = context
    if (input.action !== 'add' && input.action !== 'remove') return levelTargets(caller, level)
    const targets = await selectDevices(tx, caller, { devices: input.devices, filter: input.filter })
    const foreign = targets.find((target) => level !== null && target.organizationId !== level)
    if (foreign) throw invalidInput(`${foreign.name} belongs to another organization than the group.`, 'Leave it out.')
    return withoutCaveats(targets)
  },
  plan: async (_, { action, name, group }, targets) => {
    const devices = `${targets.length} device${targets.length === 1 ? '' : 's'}`
    const summaries: Record<Input['action'], string> = {
      create: `Create the group "${name}".`,
      update: `Change the group "${group}"${name === undefined ? '' : `, to be called "${name}"`}.`,
      delete: `Delete the group "${group}".`,
      add: `Put ${devices} into the group "${group}".`,
      remove: `Take ${devices} out of the group "${group}".`,
    }
    return {
      summary: summaries[action],
      irreversible:
        action === 'delete' ? ['A deleted group has to be made anew; rules that name it reach nothing.'] : [],
    }
  },
  async run(context, input, targets) {
    const { group, changed } = await act(context, input, targets as DeviceTarget[])
    const members = await countMembers(context.tx, input.action === 'delete' ? [] : [group])
    return { id: group.id, name: group.name, changed, devices: members.get(group.id) ?? 0 }
  },
  present(group, { action }) {
    const states = { create: 'created', update: 'updated', delete: 'deleted', add: 'updated', remove: 'updated' }
    const moved =
      group.changed === undefined ? '' : ` ${group.changed} devices ${action === 'add' ? 'added' : 'taken out'}.`
    const { changed, ...rest } = group
    return {
      text: `The group "${group.name}" is ${states[action]}.${moved} ${group.devices} devices that you see are in it.`,
      data: { ...rest, state: states[action], ...(changed !== undefined && { changed }) },
    }
  },
})

/** Whose the group is. Throws where the fields don't fit the action. */
async function checked({ tx, caller }: TransactionContext, input: Input): Promise<string | null> {
  const { action, group, name, filter } = input
  if (filter?.group !== undefined && action !== 'add' && action !== 'remove')
    throw invalidInput('filter.group: a group is not made of groups.')
  if (action === 'create') {
    if (name === undefined) throw invalidInput('name: a new group needs one.')
    if (group !== undefined) throw invalidInput('group: create takes a name.')
    return await settingLevel(tx, caller, PERMISSION, input.organization, WHAT)
  }
  if (group === undefined) throw invalidInput('group: say which.')
  const found = await findGroup(tx, group)
  requireLevel(caller, PERMISSION, found.organizationId, WHAT)
  if ((action === 'add' || action === 'remove') && found.filter)
    throw invalidInput(`The group "${found.name}" holds what matches its filter.`, 'Change its filter, or tag devices.')
  if (action === 'update' && filter !== undefined && !found.filter)
    throw invalidInput(`The group "${found.name}" is put together by hand.`, 'Create another one with a filter.')
  if (action === 'update' && name === undefined && filter === undefined) throw invalidInput('Say what to change.')
  return found.organizationId
}

async function act(
  { tx, caller, now, newId }: RunContext,
  input: Input,
  targets: readonly DeviceTarget[],
): Promise<{ group: GroupRow; changed?: number }> {
  const change = { at: now(), by: caller.user.id }
  if (input.action === 'create') {
    const organizationId = await settingLevel(tx, caller, PERMISSION, input.organization, WHAT)
    const filter = input.filter ? await saved({ tx, caller }, input.filter) : null
    const group = { id: newId(), partnerId: caller.partnerId, organizationId, name: input.name ?? '', filter }
    await addGroup(tx, group, change)
    return { group }
  }
  const group = await findGroup(tx, input.group ?? '')
  const ids = targets.map((target) => target.id)
  switch (input.action) {
    case 'update': {
      const { name = group.name } = input
      const filter = input.filter ? await saved({ tx, caller }, input.filter) : group.filter
      await changeGroup(tx, group, { name, filter }, change)
      return { group: { ...group, name, filter } }
    }
    case 'delete':
      await deleteGroup(tx, group.id)
      return { group }
    case 'add':
      return { group, changed: (await addMembers(tx, group.id, ids)).length }
    case 'remove':
      return { group, changed: (await removeMembers(tx, group.id, ids)).length }
  }
}

/** As it is kept: with ids, and naming custom fields that are there. */
async function saved({ tx, caller }: Pick<RunContext, 'tx' | 'caller'>, filter: SavedFilter): Promise<SavedFilter> {
  await fieldsOfFilter(tx, filter.field, requiredMatches)
  return await withIds(tx, caller, filter)
}
