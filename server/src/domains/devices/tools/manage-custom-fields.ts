import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { ambiguous, invalidInput, notFound } from '../../../kernel/errors.ts'
import { defineTool, type RunContext, type Target } from '../../../kernel/tool.ts'
import {
  addField,
  badValue,
  changeField,
  type CustomField,
  customFields,
  deleteField,
  fieldsCalled,
  fieldValue,
  setFieldValue,
  valueOf,
} from '../custom-fields.ts'
import { selectDevices, selectionFields, withoutCaveats } from '../select.ts'
import { levelShown, levelTargets, requireLevel, settingLevel } from '../../organizations/setting-level.ts'
import { FIELD_TYPES } from '../tables.ts'

const PERMISSION = 'devices.write'
const WHAT = 'A custom field for devices of every organization'

const input = z.object({
  action: z.enum(['list', 'create', 'update', 'delete', 'set']),
  field: referenceField.optional().describe('Id or name; not for list and create.'),
  name: nameField.optional(),
  type: z.enum(FIELD_TYPES).optional().describe('create.'),
  choices: z.array(nameField).min(1).max(100).optional().describe('Of type choice.'),
  organization: referenceField.optional().describe('create: id or name; none: for devices of every organization.'),
  ...selectionFields,
  value: fieldValue.nullable().optional().describe('set: null takes it away.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_custom_fields',
  title: 'Manage custom fields',
  description:
    'Lists, creates, changes or deletes fields that you add to devices (text, number, date, boolean or choice), and sets their values on devices. A deleted field takes its values with it; so does a choice that is taken away.',
  area: 'devices',
  byArea: true,
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      list: { tier: 1, permission: 'devices.read' },
      create: { tier: 2, permission: PERMISSION },
      update: { tier: 2, permission: PERMISSION, idempotent: true },
      delete: { tier: 2, permission: PERMISSION, destructive: true },
      set: { tier: 2, permission: PERMISSION, idempotent: true },
    },
  },
  input,
  output: z.object({
    fields: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        type: z.string(),
        choices: z.array(z.string()).optional(),
        organization: z.object({ id: z.string(), name: z.string() }).nullable(),
      }),
    ),
    matched: z.number().int().optional().describe('set: devices.'),
    changed: z.number().int().optional(),
  }),
  async targets({ tx, caller }, input): Promise<Target[]> {
    checkFields(input)
    if (input.action === 'list') return []
    if (input.action === 'create')
      return levelTargets(caller, await settingLevel(tx, caller, PERMISSION, input.organization, WHAT))
    const field = await theField(tx, input.field ?? '')
    if (input.action === 'set') return await devicesOf(tx, caller, field, input)
    requireLevel(caller, PERMISSION, field.organizationId, WHAT)
    return levelTargets(caller, field.organizationId)
  },
  plan: async (_, { action, field, name, value }, targets) => {
    const devices = `${targets.length} device${targets.length === 1 ? '' : 's'}`
    const summaries: Record<Input['action'], string> = {
      list: 'List custom fields.',
      create: `Create the custom field "${name}".`,
      update: `Change the custom field "${field}".`,
      delete: `Delete the custom field "${field}" with its values.`,
      set: value === null ? `Take "${field}" away from ${devices}.` : `Set "${field}" to ${value} on ${devices}.`,
    }
    return { summary: summaries[action], irreversible: action === 'delete' ? ['Its values are gone with it.'] : [] }
  },
  async run(context, input, targets) {
    const { fields, changed } = await act(context, input, targets)
    const shown = fields.map((field) => ({ ...field, organization: levelShown(context.caller, field.organizationId) }))
    return { fields: shown, ...(input.action === 'set' && { matched: targets.length, changed }) }
  },
  present({ fields, matched, changed }, { action }) {
    const done = { list: '', create: 'Created: ', update: 'Changed: ', delete: 'Deleted: ', set: 'Set: ' }[action]
    const lines = fields.map(
      ({ name, type, organization }) => `${name} (${type}, ${organization?.name ?? 'every organization'})`,
    )
    const counts = matched === undefined ? '' : ` ${matched} devices matched, ${changed ?? 0} changed.`
    return {
      text: `${done}${lines.join('; ') || 'no custom fields'}.${counts}`,
      data: {
        fields: fields.map(({ id, name, type, choices, organization }) => {
          return { id, name, type, ...(type === 'choice' && { choices }), organization }
        }),
        ...(matched !== undefined && { matched, changed: changed ?? 0 }),
      },
    }
  },
})

function checkFields({ action, field, name, type, choices, value }: Input): void {
  if (action !== 'list' && action !== 'create' && field === undefined) throw invalidInput('field: say which.')
  if (action === 'create' && (name === undefined || type === undefined))
    throw invalidInput('A new field needs a name and a type.')
  if (action === 'create' && (type === 'choice') !== (choices !== undefined))
    throw invalidInput('choices: belong to the type choice, which needs them.')
  if (action === 'update' && name === undefined && choices === undefined) throw invalidInput('Say what to change.')
  if (action === 'set' && value === undefined) throw invalidInput('value: say what to set; null takes it away.')
}

/** A name that stands at several levels is for the caller to tell apart. */
async function theField(tx: Tx, reference: string): Promise<CustomField> {
  const found = await fieldsCalled(tx, reference)
  const [field] = found
  if (!field) throw notFound('custom field', reference)
  if (found.length === 1) return field
  const candidates = found.map(({ id, name, type, organizationId }) => {
    return {
      id,
      name,
      detail: `${type}, ${organizationId === null ? 'of the partner' : `of organization ${organizationId}`}`,
    }
  })
  throw ambiguous('custom field', reference, candidates)
}

async function devicesOf(tx: Tx, caller: Caller, field: CustomField, input: Input): Promise<Target[]> {
  if (input.value !== null && input.value !== undefined && valueOf(field, input.value) === undefined)
    throw badValue(field)
  const targets = await selectDevices(tx, caller, { devices: input.devices, filter: input.filter })
  const foreign = targets.find(
    ({ organizationId }) => field.organizationId !== null && organizationId !== field.organizationId,
  )
  if (foreign) throw invalidInput(`${foreign.name} belongs to another organization than the field.`, 'Leave it out.')
  return withoutCaveats(targets)
}

async function act({ tx, caller, now, newId }: RunContext, input: Input, targets: readonly Target[]) {
  if (input.action === 'list') return { fields: await customFields(tx) }
  if (input.action === 'create') {
    const organizationId = await settingLevel(tx, caller, PERMISSION, input.organization, WHAT)
    // Checked with the targets.
    const { name = '', type = 'text', choices = [] } = input
    const field = { id: newId(), organizationId, name, type, choices }
    await addField(tx, { ...field, partnerId: caller.partnerId, at: now() })
    return { fields: [field] }
  }
  const field = await theField(tx, input.field ?? '')
  switch (input.action) {
    case 'update': {
      if (input.choices && field.type !== 'choice') throw invalidInput('choices: belong to the type choice.')
      await changeField(tx, field, input)
      return { fields: [{ ...field, name: input.name ?? field.name, choices: input.choices ?? field.choices }] }
    }
    case 'delete':
      await deleteField(tx, field.id)
      return { fields: [field] }
    case 'set': {
      const value = input.value === null || input.value === undefined ? null : (valueOf(field, input.value) ?? null)
      const set = { fieldId: field.id, value, at: now(), by: caller.user.id }
      const ids = targets.map((target) => target.id)
      return { fields: [field], changed: (await setFieldValue(tx, ids, set)).length }
    }
  }
}
