import { z } from 'zod'
import { findOrganization } from '../../domains/organizations/service.ts'
import { defineTool } from '../../kernel/tool.ts'
import { listInput, listOutput, pageEnd, pageStart, referenceField } from '../fields.ts'
import { listUsers } from '../services/users.ts'

const user = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  kind: z.enum(['person', 'service']),
  owner: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
  roles: z.array(
    z.object({
      role: z.string(),
      organization: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
      sites: z.array(z.string()).nullable().describe('Ids; null for every site.'),
    }),
  ),
  disabled: z.boolean(),
  created_at: z.string(),
})

export default defineTool({
  name: 'list_users',
  title: 'List users',
  description: 'Lists people and service users that you administer, by name, with their roles. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'users.read' },
  input: z.object({
    organization: referenceField.optional().describe('Id or name: only users with a role there.'),
    kind: z.enum(['person', 'service']).optional(),
    disabled: z.boolean().optional(),
    text: referenceField.optional().describe('Part of the name or the e-mail address.'),
    ...listInput,
  }),
  output: z.object({ users: z.array(user), ...listOutput }),
  async run({ tx, caller }, input) {
    const organization =
      input.organization === undefined
        ? undefined
        : await findOrganization(tx, caller, 'users.read', input.organization)
    const filter = { organizationId: organization?.id, kind: input.kind, disabled: input.disabled, text: input.text }
    const after = pageStart('users', filter, input.cursor)
    const list = await listUsers(tx, caller, filter, { limit: input.limit, after })
    const names = new Map([...caller.organizations.values()].map((item) => [item.id, item.name]))
    return { list, names, page: pageEnd('users', filter, list.counted, list.next) }
  },
  present: ({ list, names, page }) => ({
    text: [
      `${page.total} users; ${list.rows.length} shown.`,
      ...list.rows.map((row) => `${row.name}${row.disabled_at ? ' (disabled)' : ''} (${row.id})`),
    ].join('\n'),
    data: {
      users: list.rows.map((row) => ({
        id: row.id,
        name: row.name,
        email: row.email,
        kind: row.kind,
        owner: row.owner_id === null ? null : { id: row.owner_id, name: row.owner_name },
        roles: list.roles
          .filter((held) => held.userId === row.id)
          .map(({ role, organizationId, siteIds }) => ({
            role: role.id,
            organization:
              organizationId === null ? null : { id: organizationId, name: names.get(organizationId) ?? null },
            sites: siteIds,
          })),
        disabled: row.disabled_at !== null,
        created_at: row.created_at.toISOString(),
      })),
      ...page,
    },
  }),
})
