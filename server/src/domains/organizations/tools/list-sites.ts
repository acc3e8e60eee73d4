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
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganizations, listSites } from '../service.ts'

export default defineTool({
  name: 'list_sites',
  title: 'List sites',
  description: 'Lists the sites you reach, by name, with their organization. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'organizations.read' },
  input: z.object({
    organization: oneOrMany(referenceField).optional().describe('Ids or names.'),
    text: referenceField.optional().describe('Part of the name.'),
    ...listInput,
  }),
  output: z.object({
    sites: z.array(
      z.object({ id: z.string(), name: z.string(), organization: z.object({ id: z.string(), name: z.string() }) }),
    ),
    ...listOutput,
  }),
  async run({ tx, caller }, input) {
    const organizations = asList(input.organization)
    const found = organizations && (await findOrganizations(tx, caller, 'organizations.read', organizations))
    const filter = { organizationIds: found?.map((organization) => organization.id), text: input.text }
    const after = pageStart('sites', filter, input.cursor)
    const { rows, counted, next } = await listSites(tx, caller, filter.organizationIds, {
      text: input.text,
      limit: input.limit,
      after,
    })
    return { rows, page: pageEnd('sites', filter, counted, next) }
  },
  present: ({ rows, page }) => ({
    text: [
      `${page.total} sites; ${rows.length} shown.`,
      ...rows.map((row) => `${row.organization.name} / ${row.name} (${row.id})`),
    ].join('\n'),
    data: { sites: rows, ...page },
  }),
})
