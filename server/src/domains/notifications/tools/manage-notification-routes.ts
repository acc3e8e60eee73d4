import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import { query, type Tx } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { SIGNALS } from '../../alerts/rules.ts'
import { SEVERITIES } from '../../alerts/tables.ts'
import { levelTargets, settingLevel, settingTarget } from '../../organizations/setting-level.ts'
import { quietHours } from '../quiet-hours.ts'
import { deleteSetting, findSetting, FOR_ALL, ownSetting, requireFreeName } from '../settings.ts'

const minutes = z.number().int().min(5).max(10_080)

const input = z.object({
  action: z.enum(['create', 'update', 'delete']),
  route: referenceField.optional().describe('Id or name; not for create.'),
  name: nameField.optional(),
  organization: referenceField.optional().describe('create: only its alerts. Id or name; none: of all.'),
  channel: referenceField.optional().describe('Id or name.'),
  severity: z.enum(SEVERITIES).optional().describe('This and worse; high unless given.'),
  sources: z.array(z.enum(SIGNALS)).max(SIGNALS.length).optional().describe('Empty: every one.'),
  group_wait_seconds: z.number().int().min(0).max(3600).optional().describe('45 unless given.'),
  remind_after_minutes: minutes.nullable().optional().describe('Tell again while nobody acknowledged; null: once.'),
  escalate_after_minutes: minutes
    .nullable()
    .optional()
    .describe('Only what nobody acknowledged for so long, and what somebody escalated; null: all, at once.'),
  tells_resolved: z.boolean().optional(),
  quiet_hours: quietHours.nullable().optional().describe('Then only critical alerts are told at once.'),
  enabled: z.boolean().optional(),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_notification_routes',
  title: 'Manage notification routes',
  description:
    'Makes, changes or deletes a route: which alerts go to which channel, after which group wait, with which reminders, escalation and quiet hours. Takes effect with the next alert.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: {
    field: 'action',
    each: {
      create: { tier: 2, permission: 'monitoring.write' },
      update: { tier: 2, permission: 'monitoring.write', idempotent: true },
      delete: { tier: 2, permission: 'monitoring.write', destructive: true },
    },
  },
  input,
  output: z.object({ route: z.object({ id: z.string(), name: z.string() }) }),
  async targets({ tx, caller }, input) {
    if (input.action !== 'create') return [settingTarget(await routeOf(tx, caller, input))]
    if (input.name === undefined || input.channel === undefined) throw invalidInput('create: give name and channel.')
    return levelTargets(caller, await settingLevel(tx, caller, 'monitoring.write', input.organization, FOR_ALL))
  },
  plan: async (_, { action, name, channel }, [target]) => ({
    summary:
      action === 'create'
        ? `Send alerts of ${target?.name ?? 'every organization'} to ${channel} by a new route "${name}".`
        : `${action === 'delete' ? 'Delete' : 'Change'} the notification route "${target?.name}".`,
    irreversible: [],
  }),
  async run({ tx, caller, now, newId }, input, [target]) {
    const change = { updated_at: now(), updated_by: caller.user.id }
    if (input.action === 'create') {
      const { name = '', channel = '' } = input
      await requireFreeName(tx, caller, 'route', name)
      const organizationId = target?.id ?? null
      const channelId = await channelFor(tx, caller, channel, organizationId)
      const place = {
        id: newId(),
        partner_id: caller.partnerId,
        organization_id: organizationId,
        channel_id: channelId,
      }
      const values = { ...complete(valuesOf(input)), ...place, ...change, name, created_at: change.updated_at }
      await tx.run(query.insertInto('notification_routes').values(values))
      return { id: place.id, name }
    }
    const found = await routeOf(tx, caller, input)
    if (input.action === 'delete') {
      await deleteSetting(tx, 'route', found.id)
      return { id: found.id, name: found.name }
    }
    const { channel } = input
    const moved =
      channel === undefined ? {} : { channel_id: await channelFor(tx, caller, channel, found.organizationId) }
    const values = { ...valuesOf(input), name: input.name, ...moved, ...change }
    await tx.run(query.updateTable('notification_routes').set(values).where('id', '=', found.id))
    return { id: found.id, name: input.name ?? found.name }
  },
  present: (route, { action }) => ({
    text: `${action === 'create' ? 'Made' : action === 'update' ? 'Changed' : 'Deleted'} the route "${route.name}".`,
    data: { route },
  }),
})

/** As stored; what was not given is undefined, and an update leaves it. */
const valuesOf = (input: Input) => ({
  severity: input.severity,
  signals: input.sources,
  group_wait_seconds: input.group_wait_seconds,
  remind_after_minutes: input.remind_after_minutes,
  escalate_after_minutes: input.escalate_after_minutes,
  tells_resolved: input.tells_resolved,
  quiet_hours: input.quiet_hours && JSON.stringify(input.quiet_hours),
  enabled: input.enabled,
})

const complete = (values: ReturnType<typeof valuesOf>) => ({
  ...values,
  severity: values.severity ?? ('high' as const),
  signals: values.signals ?? [],
  group_wait_seconds: values.group_wait_seconds ?? 45,
  tells_resolved: values.tells_resolved ?? true,
  quiet_hours: values.quiet_hours ?? null,
})

type Caller = Parameters<typeof ownSetting>[1]

function routeOf(tx: Tx, caller: Caller, { route }: Input) {
  if (route === undefined) throw invalidInput('route: say which one, by id or name.')
  return ownSetting(tx, caller, 'route', route)
}

/** Alerts of one customer go to its own channels or the partner's, never to another customer's. */
async function channelFor(tx: Tx, caller: Caller, reference: string, organizationId: string | null): Promise<string> {
  const channel = await findSetting(tx, caller, 'monitoring.write', 'channel', reference)
  if (channel.organizationId !== null && channel.organizationId !== organizationId)
    throw invalidInput('channel: it belongs to another organization than the route.')
  return channel.id
}
