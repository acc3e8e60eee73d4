import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart, referenceField } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { listOrganizations } from '../service.ts'

const organization = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['customer', 'internal']),
  sites: z.number().int(),
  assistants_enabled: z.boolean(),
  approval_limit: z.number().int(),
  created_at: z.string(),
})

export default defineTool({
  name: 'list_organizations',
  title: 'List organizations',
  description: 'Lists the customer organizations you reach, by name, with their settings. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'organizations.read' },
  input: z.object({ text: referenceField.optional().describe('Part of the name.'), ...listInput }),
  output: z.object({ organizations: z.array(organization), ...listOutput }),
  async run({ tx, caller }, input) {
    const filter = { text: input.text }
    const after = pageStart('organizations', filter, input.cursor)
    const { rows, counted, next } = await listOrganizations(tx, caller, { ...filter, limit: input.limit, after })
    return { rows, page: pageEnd('organizations', filter, counted, next) }
  },
  present: ({ rows, page }) => ({
    text: [`${page.total} organizations; ${rows.length} shown.`, ...rows.map((row) => `${row.name} (${row.id})`)].join(
      '\n',
    ),
    data: {
      organizations: rows.map((row) => ({
        id: row.id,
        name: row.name,
        kind: row.kind,
        sites: row.sites ?? 0,
        assistants_enabled: row.assistants_enabled,
        approval_limit: row.approval_limit,
        created_at: row.created_at.toISOString(),
      })),
      ...page,
    },
  }),
})
