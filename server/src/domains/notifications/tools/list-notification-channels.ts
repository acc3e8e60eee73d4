import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { levelShown } from '../../organizations/setting-level.ts'
import { listChannels } from '../settings.ts'
import { CHANNEL_KINDS } from '../tables.ts'

export default defineTool({
  name: 'list_notification_channels',
  title: 'List notification channels',
  description:
    'Lists where alerts are sent: webhooks, mail, Microsoft Teams, Slack, with what became of the last notification. Never shows addresses that are secrets. Reads only.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: { tier: 1, permission: 'monitoring.read' },
  input: z.object({ text: z.string().min(1).max(200).optional().describe('Part of the name.'), ...listInput }),
  output: z.object({
    channels: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        kind: z.enum(CHANNEL_KINDS),
        shown: z.string().describe('Host or recipients.'),
        enabled: z.boolean(),
        organization: z.object({ id: z.string(), name: z.string().nullable() }).nullable().describe('Null: of all.'),
        last: z
          .object({ state: z.string(), at: z.string(), reason: z.string().nullable() })
          .nullable()
          .describe('Null: nothing was sent yet.'),
      }),
    ),
    ...listOutput,
  }),
  async run({ tx, caller }, { text, limit, cursor }) {
    const after = pageStart('channels', { text }, cursor)
    const list = await listChannels(tx, caller, { text, limit, after })
    return { caller, list, page: pageEnd('channels', { text }, list.counted, list.next) }
  },
  present: ({ caller, list, page }) => ({
    text: [
      `${page.total} notification channels.`,
      ...list.rows.map(
        ({ name, kind, shown, enabled, last }) =>
          `${name} (${kind}, ${shown})${enabled ? '' : ', off'}${last ? `: ${last.state}${last.reason ? `, ${last.reason}` : ''}` : ''}`,
      ),
    ].join('\n'),
    data: {
      channels: list.rows.map(({ id, name, kind, shown, enabled, organization_id, last }) => ({
        id,
        name,
        kind,
        shown,
        enabled,
        organization: levelShown(caller, organization_id),
        last: last && { ...last, at: new Date(last.at).toISOString() },
      })),
      ...page,
    },
  }),
})
