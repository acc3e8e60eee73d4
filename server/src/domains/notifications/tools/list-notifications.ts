import { z } from 'zod'
import {
  asList,
  listInput,
  listOutput,
  oneOrMany,
  pageEnd,
  pageStart,
  referenceField,
} from '../../../identity/fields.ts'
import { isInstant } from '../../../kernel/cursor.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization } from '../../organizations/service.ts'
import { listDeliveries } from '../delivery-log.ts'
import { NOTIFICATION_KINDS, NOTIFICATION_STATES } from '../tables.ts'

export default defineTool({
  name: 'list_notifications',
  title: 'List notifications',
  description:
    'The delivery log: what was told of alerts, where, whether it arrived and if not why, newest first. Kept for 90 days. Reads only.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: { tier: 1, permission: 'monitoring.read' },
  input: z.object({
    organization: referenceField.optional().describe('Id or name.'),
    state: oneOrMany(z.enum(NOTIFICATION_STATES)).optional(),
    alert: z.uuid().optional().describe('Only what told of it.'),
    ...listInput,
  }),
  output: z.object({
    notifications: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(NOTIFICATION_KINDS),
        state: z.enum(NOTIFICATION_STATES),
        subject: z.string().nullable(),
        alerts: z.number().int(),
        channel: z.string().nullable().describe('Null: deleted.'),
        route: z.string().nullable(),
        attempts: z.number().int(),
        reason: z.string().nullable(),
        due_at: z.string(),
        ended_at: z.string().nullable(),
      }),
    ),
    ...listOutput,
  }),
  async run({ tx, caller }, input) {
    const organization =
      input.organization === undefined
        ? undefined
        : await findOrganization(tx, caller, 'monitoring.read', input.organization)
    const filter = { organization: organization?.id, states: asList(input.state), alert: input.alert }
    const after = pageStart('notifications', filter, input.cursor)
    if (after && !isInstant(after[0])) throw invalidInput('cursor: this is not a cursor of this list.')
    const { rows, counted, next } = await listDeliveries(tx, caller, filter, { limit: input.limit, after })
    return { rows, page: pageEnd('notifications', filter, counted, next) }
  },
  present: ({ rows, page }) => ({
    text: [
      `${page.total} notifications; ${rows.length} shown, newest first.`,
      ...rows.map(
        ({ state, subject, kind, channel, reason, due_at }) =>
          `${due_at.toISOString()} ${state}: ${subject ?? kind} to ${channel ?? 'a deleted channel'}${reason ? ` (${reason})` : ''}`,
      ),
    ].join('\n'),
    data: {
      notifications: rows.map((row) => ({
        id: row.id,
        kind: row.kind,
        state: row.state,
        subject: row.subject,
        alerts: row.alert_ids.length,
        channel: row.channel,
        route: row.route,
        attempts: row.attempts,
        reason: row.reason,
        due_at: row.due_at.toISOString(),
        ended_at: row.ended_at?.toISOString() ?? null,
      })),
      ...page,
    },
  }),
})
