import { z } from 'zod'
import { sql } from 'kysely'
import {
  asList,
  listInput,
  listOutput,
  MOST_COUNTED,
  oneOrMany,
  pageEnd,
  pageStart,
  referenceField,
} from '../../../identity/fields.ts'
import { rowAccess } from '../../../kernel/caller.ts'
import { isInstant } from '../../../kernel/cursor.ts'
import { query } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization } from '../../organizations/service.ts'
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
    // Alerts of some sites only: their notifications may tell of others too.
    const { whole } = rowAccess(caller, 'monitoring.read')
    const matching = query
      .selectFrom('notifications as n')
      .where('n.organization_id', 'in', whole.length > 0 ? [...whole] : ['00000000-0000-0000-0000-000000000000'])
      .$if(organization !== undefined, (some) => some.where('n.organization_id', '=', organization?.id ?? ''))
      .$if(filter.states !== undefined, (some) => some.where('n.state', 'in', filter.states ?? []))
      .$if(filter.alert !== undefined, (some) =>
        some.where(sql<boolean>`n.alert_ids @> array[${filter.alert}]::uuid[]`),
      )
    const rows = await tx.all(
      matching
        .leftJoin('notification_channels as c', 'c.id', 'n.channel_id')
        .leftJoin('notification_routes as r', 'r.id', 'n.route_id')
        .selectAll('n')
        .select(['c.name as channel', 'r.name as route', sql<string>`n.created_at::text`.as('position')])
        .$if(after !== undefined, (some) =>
          some.where(sql<boolean>`(n.created_at, n.id) < (${after?.[0]}::timestamptz, ${after?.[1]}::uuid)`),
        )
        .orderBy('n.created_at', 'desc')
        .orderBy('n.id', 'desc')
        .limit(input.limit + 1),
    )
    const counted = await tx.first(
      query
        .selectFrom(
          matching
            .select('n.id')
            .limit(MOST_COUNTED + 1)
            .as('some'),
        )
        .select(({ fn }) => fn.countAll<number>().as('n')),
    )
    const last = rows[input.limit - 1]
    const next: [string, string] | null = rows.length > input.limit && last ? [last.position, last.id] : null
    return {
      rows: rows.slice(0, input.limit),
      page: pageEnd('notifications', filter, Number(counted?.n ?? 0), next),
    }
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
