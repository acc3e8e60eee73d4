import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { levelShown } from '../../organizations/setting-level.ts'
import { quietHours } from '../quiet-hours.ts'
import { listRoutes } from '../settings.ts'

export default defineTool({
  name: 'list_notification_routes',
  title: 'List notification routes',
  description:
    'Lists which alerts go to which channel: by organization, severity and source, with group wait, reminders, escalation and quiet hours. Reads only.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: { tier: 1, permission: 'monitoring.read' },
  input: z.object({ text: z.string().min(1).max(200).optional().describe('Part of the name.'), ...listInput }),
  output: z.object({
    routes: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        channel: z.object({ id: z.string(), name: z.string() }),
        organization: z.object({ id: z.string(), name: z.string().nullable() }).nullable().describe('Null: of all.'),
        severity: z.string().describe('This and worse.'),
        sources: z.array(z.string()).describe('Empty: every one.'),
        group_wait_seconds: z.number(),
        remind_after_minutes: z.number().nullable(),
        escalate_after_minutes: z.number().nullable(),
        tells_resolved: z.boolean(),
        quiet_hours: quietHours.nullable(),
        enabled: z.boolean(),
      }),
    ),
    ...listOutput,
  }),
  async run({ tx, caller }, { text, limit, cursor }) {
    const after = pageStart('routes', { text }, cursor)
    const list = await listRoutes(tx, caller, { text, limit, after })
    return { caller, list, page: pageEnd('routes', { text }, list.counted, list.next) }
  },
  present: ({ caller, list, page }) => ({
    text: [
      `${page.total} notification routes.`,
      ...list.rows.map(
        ({ name, severity, channel_name, enabled }) =>
          `${name}: ${severity} and worse to ${channel_name}${enabled ? '' : ' (off)'}`,
      ),
    ].join('\n'),
    data: {
      routes: list.rows.map((row) => ({
        id: row.id,
        name: row.name,
        channel: { id: row.channel_id, name: row.channel_name },
        organization: levelShown(caller, row.organization_id),
        severity: row.severity,
        sources: row.signals,
        group_wait_seconds: row.group_wait_seconds,
        remind_after_minutes: row.remind_after_minutes,
        escalate_after_minutes: row.escalate_after_minutes,
        tells_resolved: row.tells_resolved,
        quiet_hours: row.quiet_hours === null ? null : quietHours.parse(row.quiet_hours),
        enabled: row.enabled,
      })),
      ...page,
    },
  }),
})
