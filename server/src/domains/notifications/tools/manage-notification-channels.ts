import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import { query, type Tx } from '../../../kernel/db.ts'
import { invalidInput, notFound } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { levelTargets, settingLevel, settingTarget } from '../../organizations/setting-level.ts'
import type { ChannelTarget } from '../channels.ts'
import type { Notifications } from '../service.ts'
import { deleteSetting, FOR_ALL, ownSetting, requireFreeName } from '../settings.ts'
import { CHANNEL_KINDS, type ChannelKind } from '../tables.ts'

const input = z.object({
  action: z.enum(['create', 'update', 'delete', 'test']),
  channel: referenceField.optional().describe('Id or name; not for create.'),
  name: nameField.optional(),
  organization: referenceField.optional().describe('create: only for its alerts. Id or name; none: for all.'),
  kind: z.enum(CHANNEL_KINDS).optional().describe('For create.'),
  webhook_url: z.string().max(2000).optional().describe('For webhook, teams and slack.'),
  recipients: z.array(z.email().max(254)).min(1).max(20).optional().describe('For email.'),
  enabled: z.boolean().optional(),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_notification_channels',
  title: 'Manage notification channels',
  description:
    'Makes, changes, deletes or tests a place where alerts are sent. A new webhook comes with a secret that signs what it gets, shown once. test sends a message and says whether it arrived.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  openWorld: true,
  actions: {
    field: 'action',
    each: {
      create: { tier: 2, permission: 'monitoring.write' },
      update: { tier: 2, permission: 'monitoring.write', idempotent: true },
      delete: { tier: 2, permission: 'monitoring.write', destructive: true },
      test: { tier: 2, permission: 'monitoring.write' },
    },
  },
  input,
  output: z.object({
    channel: z.object({ id: z.string(), name: z.string() }),
    secret: z.string().optional().describe('Shown once.'),
    arrived: z.boolean().optional(),
    reason: z.string().optional().describe('Why it did not arrive.'),
  }),
  async targets({ tx, caller, services }, input) {
    checkTarget(services.notifications, input)
    if (input.action !== 'create') return [settingTarget(await foundOf(tx, caller, input))]
    if (input.name === undefined || input.kind === undefined) throw invalidInput('create: give name and kind.')
    return levelTargets(caller, await settingLevel(tx, caller, 'monitoring.write', input.organization, FOR_ALL))
  },
  plan: async (_, { action, name, kind }, [target]) => ({
    summary:
      action === 'create'
        ? `Send alerts of ${target?.name ?? 'every organization'} that are routed to it to a new ${kind} channel "${name}".`
        : `${SUMMARIES[action]} the notification channel "${target?.name}".`,
    irreversible: action === 'delete' ? ['Its routes are deleted with it.'] : [],
  }),
  async run({ tx, caller, now, newId, services }, input, [target]) {
    const { notifications } = services
    if (input.action === 'create') {
      const { name = '', kind = 'webhook' } = input
      await requireFreeName(tx, caller, 'channel', name)
      const id = newId()
      const secret = kind === 'webhook' ? notifications.makeSecret() : undefined
      const made = targetOf(input, kind, secret)
      const stored = { id, name, kind, target: notifications.seal(id, made), shown: shownOf(made) }
      const place = { partner_id: caller.partnerId, organization_id: target?.id ?? null }
      const times = { created_at: now(), updated_at: now(), updated_by: caller.user.id }
      const values = { ...stored, ...place, ...times, enabled: input.enabled ?? true }
      await tx.run(query.insertInto('notification_channels').values(values))
      return { channel: { id, name }, secret, test: null }
    }
    const found = await foundOf(tx, caller, input)
    const channel = { id: found.id, name: input.name ?? found.name }
    if (input.action === 'delete') await deleteSetting(tx, 'channel', found.id)
    if (input.action === 'update') await update(tx, notifications, found.id, input, { at: now(), by: caller.user.id })
    return { channel, secret: undefined, test: input.action === 'test' ? await rowOf(tx, found.id) : null }
  },
  async settle({ services }, { channel, secret, test }) {
    return { channel, secret, failure: test ? await services.notifications.test(test) : undefined }
  },
  present: ({ channel, secret, failure }, { action }) => ({
    text:
      failure === undefined
        ? `${DONE[action]} "${channel.name}".${secret === undefined ? '' : ' Its signing secret is shown once: keep it.'}`
        : failure === null
          ? `The test arrived at "${channel.name}".`
          : `The test did not arrive at "${channel.name}": ${failure}.`,
    data: {
      channel,
      ...(secret !== undefined && { secret }),
      ...(failure !== undefined && { arrived: failure === null }),
      ...(failure && { reason: failure }),
    },
  }),
})

const SUMMARIES = { update: 'Change', delete: 'Delete', test: 'Send a test to' } as const
const DONE = { create: 'Made', update: 'Changed', delete: 'Deleted', test: 'Tested' } as const

function foundOf(tx: Tx, caller: Parameters<typeof ownSetting>[1], { channel }: Input) {
  if (channel === undefined) throw invalidInput('channel: say which one, by id or name.')
  return ownSetting(tx, caller, 'channel', channel)
}

function checkTarget(notifications: Notifications, { kind, action, webhook_url: url, recipients }: Input): void {
  const complaint = url === undefined ? null : notifications.complaint(url)
  if (complaint) throw invalidInput(`webhook_url: ${complaint}.`)
  if (kind === 'email' && !notifications.mailIsOn)
    throw invalidInput('kind: this server sends no mail.', 'An operator can set BREEZE_SMTP_URL.')
  if (action !== 'create') return
  if (kind === 'email' ? !recipients : url === undefined)
    throw invalidInput(kind === 'email' ? 'recipients: give at least one.' : 'webhook_url: give the address.')
}

function targetOf({ webhook_url: url, recipients }: Input, kind: ChannelKind, secret?: string): ChannelTarget {
  if (kind === 'email') return { recipients: recipients ?? [] }
  return { url: url ?? '', ...(secret !== undefined && { secret }) }
}

const shownOf = (target: ChannelTarget): string =>
  'recipients' in target ? target.recipients.join(', ') : new URL(target.url).host

async function rowOf(tx: Tx, id: string) {
  const row = await tx.first(
    query.selectFrom('notification_channels').select(['id', 'kind', 'target']).where('id', '=', id),
  )
  if (!row) throw notFound('channel', id)
  return row
}

async function update(
  tx: Tx,
  notifications: Notifications,
  id: string,
  input: Input,
  change: { at: Date; by: string },
): Promise<void> {
  const { kind, target } = await rowOf(tx, id)
  if (input.kind !== undefined && input.kind !== kind)
    throw invalidInput('kind: it cannot change.', 'Make another channel.')
  const before = notifications.unseal(id, target)
  const isMail = 'recipients' in before
  if (isMail ? input.webhook_url !== undefined : input.recipients !== undefined)
    throw invalidInput(isMail ? 'webhook_url: this channel is mail.' : 'recipients: this channel is no mail.')
  const changed: ChannelTarget = isMail
    ? { recipients: input.recipients ?? before.recipients }
    : { ...before, url: input.webhook_url ?? before.url }
  const values = {
    ...(input.name !== undefined && { name: input.name }),
    ...(input.enabled !== undefined && { enabled: input.enabled }),
    target: notifications.seal(id, changed),
    shown: shownOf(changed),
    updated_at: change.at,
    updated_by: change.by,
  }
  await tx.run(query.updateTable('notification_channels').set(values).where('id', '=', id))
}
