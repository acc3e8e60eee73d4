import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import { rowAccess } from '../../../kernel/caller.ts'
import { forbidden } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization, insertSite, organizationTarget } from '../service.ts'

export default defineTool({
  name: 'create_site',
  title: 'Create a site',
  description: 'Adds a site (an office, a location) to an organization. Devices are enrolled into a site.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'organizations.write' },
  input: z.object({ name: nameField, organization: referenceField.describe('Id or name.') }),
  output: z.object({
    id: z.string(),
    name: z.string(),
    organization: z.object({ id: z.string(), name: z.string() }),
  }),
  async targets({ tx, caller }, input) {
    const organization = await findOrganization(tx, caller, 'organizations.write', input.organization)
    if (!rowAccess(caller, 'organizations.write').whole.includes(organization.id)) {
      throw forbidden(`You reach only some sites of ${organization.name}.`, 'Ask an administrator of the organization.')
    }
    return [organizationTarget(organization)]
  },
  plan: async (_, input, targets) => ({
    summary: `Create the site "${input.name}" in ${targets[0]?.name}.`,
    irreversible: [],
  }),
  async run({ tx, caller, newId }, input) {
    const organization = await findOrganization(tx, caller, 'organizations.write', input.organization)
    const id = newId()
    await insertSite(tx, { id, organizationId: organization.id, name: input.name })
    return { id, name: input.name, organization: { id: organization.id, name: organization.name } }
  },
  present: (made) => ({
    text: `Created the site "${made.name}" in ${made.organization.name} (${made.id}).`,
    data: made,
  }),
})
