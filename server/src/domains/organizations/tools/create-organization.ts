import { z } from 'zod'
import { nameField } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { insertOrganization, requirePartnerLevel } from '../service.ts'

export default defineTool({
  name: 'create_organization',
  title: 'Create an organization',
  description:
    'Adds a customer organization, which keeps its sites, devices and people apart from all others. Use it when a new customer comes. Create a site in it before enrolling devices.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'organizations.write' },
  input: z.object({ name: nameField }),
  output: z.object({ id: z.string(), name: z.string() }),
  targets: async ({ caller }) => {
    requirePartnerLevel(caller, 'organizations.write', 'Creating organizations')
    return []
  },
  plan: async (_, input) => ({ summary: `Create the organization "${input.name}".`, irreversible: [] }),
  async run({ tx, caller, newId }, input) {
    const id = newId()
    await insertOrganization(tx, { id, partnerId: caller.partnerId, name: input.name })
    return { id, name: input.name }
  },
  present: (made) => ({ text: `Created the organization "${made.name}" (${made.id}).`, data: made }),
})
