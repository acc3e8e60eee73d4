import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool, type RunContext } from '../../../kernel/tool.ts'
import { readScope, requireScopeWithin, scopeInput } from '../../devices/scope-input.ts'
import { findOrganization, organizationTarget, requirePartnerLevel } from '../../organizations/service.ts'
import { settingTarget } from '../../organizations/setting-level.ts'
import { presentWindow, windowLine, windowShape } from '../present.ts'
import { addWindow, changeWindow, deleteWindow, findWindow, type StoredWindow, type WindowValues } from '../settings.ts'
import { recurrence, timeZone } from '../windows.ts'

const PERMISSION = 'monitoring.write'
const PARTNER = 'A window for every organization'

const input = z.object({
  action: z.enum(['create', 'update', 'delete']),
  window: referenceField.optional().describe('Id or name; not for create.'),
  name: nameField.max(120).optional(),
  organization: referenceField.optional().describe('create: id or name; none: for every organization.'),
  scope: scopeInput.optional().describe('Which devices: of each list one must fit; by id or name.'),
  recurrence: recurrence.optional().describe('By the local clock of time_zone.'),
  time_zone: timeZone.optional().describe('IANA name.'),
  duration_minutes: z.number().int().min(5).max(10_080).optional(),
  enabled: z.boolean().optional(),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_maintenance_windows',
  title: 'Manage maintenance windows',
  description:
    'Makes, changes or deletes a window in which people work on devices on purpose: alerts are recorded and nobody is told; what still holds five minutes after its end is told once. Takes effect at once.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: {
    field: 'action',
    each: {
      create: { tier: 2, permission: PERMISSION },
      update: { tier: 2, permission: PERMISSION, idempotent: true },
      delete: { tier: 2, permission: PERMISSION, destructive: true },
    },
  },
  input,
  output: z.object({ window: windowShape }),
  async targets({ tx, caller }, input) {
    if (input.action !== 'create') {
      if (input.organization !== undefined) throw invalidInput('organization: a window stays where it is.')
      return [settingTarget(await ownWindow(tx, caller, input))]
    }
    const { name, recurrence, time_zone, duration_minutes } = input
    if (name === undefined || recurrence === undefined || time_zone === undefined || duration_minutes === undefined)
      throw invalidInput('create: give name, recurrence, time_zone and duration_minutes.')
    if (input.organization !== undefined)
      return [organizationTarget(await findOrganization(tx, caller, PERMISSION, input.organization))]
    requirePartnerLevel(caller, PERMISSION, PARTNER)
    return []
  },
  plan: async (_, { action, name }, [target]) => ({
    summary:
      action === 'create'
        ? `Make the maintenance window "${name}" for ${target?.name ?? 'every organization'}.`
        : `${action === 'delete' ? 'Delete' : 'Change'} the maintenance window "${target?.name}".`,
    irreversible: [],
    warnings: action === 'delete' ? [] : ['While it is open nobody is told of alerts of its devices.'],
  }),
  async run(context, input, [target]) {
    const window = await act(context, input, target?.organizationId ?? null)
    context.services.maintenance.touched(context.tx)
    return { window, caller: context.caller, now: context.now() }
  },
  present: ({ window, caller, now }, { action }) => ({
    text: `${action === 'create' ? 'Made' : action === 'update' ? 'Changed' : 'Deleted'} ${windowLine(window)}.`,
    data: { window: presentWindow(window, caller, now) },
  }),
})

async function act(context: RunContext, input: Input, organizationId: string | null): Promise<StoredWindow> {
  const { tx, caller, now, newId } = context
  const change = { at: now(), by: caller.user.id }
  if (input.action === 'create') {
    const place = { id: newId(), partnerId: caller.partnerId, organizationId }
    const {
      name,
      recurrence,
      timeZone,
      durationMinutes,
      scope = {},
      enabled = true,
    } = await valuesOf(context, input, organizationId)
    if (name === undefined || recurrence === undefined || timeZone === undefined || durationMinutes === undefined)
      throw new Error('a new window has everything that targets asked for')
    requireScopeWithin(caller, PERMISSION, organizationId, scope)
    const window = { ...place, name, recurrence, timeZone, durationMinutes, scope, enabled }
    await addWindow(tx, window, change)
    return { ...window, version: 1 }
  }
  const window = await ownWindow(tx, caller, input)
  if (input.action === 'delete') {
    await deleteWindow(tx, window.id)
    return { ...window, enabled: false }
  }
  const values = await valuesOf(context, input, window.organizationId)
  if (Object.keys(values).length === 0) throw invalidInput('update: say what to change.')
  const changed = { ...window, ...values }
  requireScopeWithin(caller, PERMISSION, window.organizationId, changed.scope)
  await changeWindow(tx, window, values, change)
  return changed
}

async function ownWindow(tx: Tx, caller: Caller, { window: reference }: Input): Promise<StoredWindow> {
  if (reference === undefined) throw invalidInput('window: say which one, by id or name.')
  const window = await findWindow(tx, reference)
  if (window.organizationId === null) requirePartnerLevel(caller, PERMISSION, PARTNER)
  requireScopeWithin(caller, PERMISSION, window.organizationId, window.scope)
  return window
}

async function valuesOf(
  { tx, caller }: RunContext,
  input: Input,
  organizationId: string | null,
): Promise<Partial<WindowValues>> {
  const { name, recurrence, time_zone, duration_minutes, enabled } = input
  return {
    ...(name !== undefined && { name }),
    ...(recurrence !== undefined && { recurrence }),
    ...(time_zone !== undefined && { timeZone: time_zone }),
    ...(duration_minutes !== undefined && { durationMinutes: duration_minutes }),
    ...(enabled !== undefined && { enabled }),
    ...(input.scope !== undefined && { scope: await readScope(tx, caller, input.scope, organizationId) }),
  }
}
