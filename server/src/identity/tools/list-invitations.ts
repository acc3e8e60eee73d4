import { z } from 'zod'
import { findOrganization } from '../../domains/organizations/service.ts'
import { isInstant } from '../../kernel/cursor.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { asList, listInput, listOutput, oneOrMany, pageEnd, pageStart, referenceField } from '../fields.ts'
import { INVITATION_STATES, listInvitations } from '../services/invitations.ts'

const invitation = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string().nullable(),
  organization: z.object({ id: z.string(), name: z.string().nullable() }).nullable().describe("Null: the partner's."),
  roles: z.string(),
  state: z.enum(INVITATION_STATES),
  created_at: z.string(),
  expires_at: z.string(),
})

export default defineTool({
  name: 'list_invitations',
  title: 'List invitations',
  description: 'Lists invitations of people that you administer, newest first. Never shows their links. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'users.read' },
  input: z.object({
    organization: referenceField.optional().describe('Id or name.'),
    state: oneOrMany(z.enum(INVITATION_STATES)).default(['pending', 'expired']),
    ...listInput,
  }),
  output: z.object({ invitations: z.array(invitation), ...listOutput }),
  async run({ tx, caller, now }, input) {
    const organization =
      input.organization === undefined
        ? undefined
        : await findOrganization(tx, caller, 'users.read', input.organization)
    const filter = { organizationId: organization?.id, states: asList(input.state) ?? [...INVITATION_STATES] }
    const after = pageStart('invitations', filter, input.cursor)
    if (after && !isInstant(after[0])) throw invalidInput('cursor: this is not a cursor of this list.')
    const list = await listInvitations(tx, caller, filter, { now: now(), limit: input.limit, after })
    const names = new Map([...caller.organizations.values()].map((item) => [item.id, item.name]))
    return { list, names, page: pageEnd('invitations', filter, list.counted, list.next) }
  },
  present: ({ list, names, page }) => ({
    text: [
      `${page.total} invitations; ${list.rows.length} shown, newest first.`,
      ...list.rows.map((row) => `${row.email} (${row.id}): ${row.state}, ${row.roles}`),
    ].join('\n'),
    data: {
      invitations: list.rows.map((row) => ({
        id: row.id,
        email: row.email,
        name: row.name,
        organization:
          row.organizationId === null ? null : { id: row.organizationId, name: names.get(row.organizationId) ?? null },
        roles: row.roles,
        state: row.state,
        created_at: row.createdAt.toISOString(),
        expires_at: row.expiresAt.toISOString(),
      })),
      ...page,
    },
  }),
})
