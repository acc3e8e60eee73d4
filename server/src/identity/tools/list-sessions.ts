import { z } from 'zod'
import { findOrganization } from '../../domains/organizations/service.ts'
import { isInstant } from '../../kernel/cursor.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { listInput, listOutput, pageEnd, pageStart, referenceField } from '../fields.ts'
import { listSessions } from '../services/sessions.ts'
import { findUser } from '../services/users.ts'

const session = z.object({
  id: z.string(),
  user: z.object({ id: z.string(), name: z.string() }),
  methods: z.array(z.string()).describe('How they signed in.'),
  ip: z.string().nullable(),
  client: z.string().nullable().describe('The browser, as it calls itself.'),
  created_at: z.string(),
  last_used_at: z.string(),
})

export default defineTool({
  name: 'list_sessions',
  title: 'List console sessions',
  description: 'Lists who of the people you administer is signed in at the console, newest first. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'users.read' },
  input: z.object({
    user: referenceField.optional().describe('Id, e-mail address or name.'),
    organization: referenceField.optional().describe("Id or name: only that organization's own people."),
    ...listInput,
  }),
  output: z.object({ sessions: z.array(session), ...listOutput }),
  async run({ tx, caller, now }, input) {
    const { organization, user } = input
    const filter = {
      organizationId:
        organization === undefined ? undefined : (await findOrganization(tx, caller, 'users.read', organization)).id,
      userId: user === undefined ? undefined : (await findUser(tx, caller, 'users.read', user)).id,
    }
    const after = pageStart('sessions', filter, input.cursor)
    if (after && !isInstant(after[0])) throw invalidInput('cursor: this is not a cursor of this list.')
    const list = await listSessions(tx, caller, filter, { now: now(), limit: input.limit, after })
    return { list, page: pageEnd('sessions', filter, list.counted, list.next) }
  },
  present: ({ list, page }) => ({
    text: [
      `${page.total} sessions; ${list.rows.length} shown, newest first.`,
      ...list.rows.map((row) => `${row.user_name} (${row.id}) since ${row.created_at.toISOString()}`),
    ].join('\n'),
    data: {
      sessions: list.rows.map((row) => ({
        id: row.id,
        user: { id: row.user_id, name: row.user_name },
        methods: row.methods,
        ip: row.ip,
        client: row.user_agent?.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ') ?? null,
        created_at: row.created_at.toISOString(),
        last_used_at: row.last_used_at.toISOString(),
      })),
      ...page,
    },
  }),
})
