import { z } from 'zod'
import { findOrganization } from '../../domains/organizations/service.ts'
import { defineTool } from '../../kernel/tool.ts'
import { listInput, listOutput, pageEnd, pageStart, referenceField } from '../fields.ts'
import { listPolicies } from '../services/policies.ts'

const policy = z.object({
  organization: z
    .object({ id: z.string(), name: z.string().nullable() })
    .nullable()
    .describe('Null: every organization.'),
  area: z.string().nullable(),
  tier: z.number().nullable(),
  tool: z.string().nullable(),
  policy: z.string(),
})

export default defineTool({
  name: 'list_confirmation_policies',
  title: 'List confirmation policies',
  description:
    'Lists the rules by which calls are confirmed; where none fits, tier 2 is left to the client and tier 3 goes by blast radius. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'governance.read' },
  input: z.object({ organization: referenceField.optional().describe('Id or name.'), ...listInput }),
  output: z.object({ policies: z.array(policy), ...listOutput }),
  async run({ tx, caller }, input) {
    const { organization } = input
    const organizationId =
      organization === undefined ? undefined : (await findOrganization(tx, caller, 'governance.read', organization)).id
    const filter = { organizationId }
    const after = pageStart('confirmation_policies', filter, input.cursor)
    const { rows, counted, next } = await listPolicies(tx, caller, filter, input.limit, after)
    return { rows, page: pageEnd('confirmation_policies', filter, counted, next) }
  },
  present: ({ rows, page }) => ({
    text: `${page.total} rules; ${rows.length} shown.`,
    data: {
      policies: rows.map((row) => ({
        organization: row.organization_id === null ? null : { id: row.organization_id, name: row.organization_name },
        area: row.area,
        tier: row.tier,
        tool: row.tool,
        policy: row.policy,
      })),
      ...page,
    },
  }),
})
