import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import { isDelegated } from '../../../kernel/caller.ts'
import { forbidden } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { changeOrganization, findOrganization, organizationTarget, requirePartnerLevel } from '../service.ts'

export default defineTool({
  name: 'update_organization',
  title: 'Change an organization',
  description:
    'Renames an organization, switches assistants on or off for it, or sets how many devices one call may touch before a second person must approve. Takes effect with the next call.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'organizations.write', idempotent: true },
  input: z.object({
    organization: referenceField.describe('Id or name.'),
    name: nameField.optional().describe('The new name.'),
    assistants_enabled: z.boolean().optional().describe('Off takes it out of the reach of every key and grant.'),
    approval_limit: z.number().int().min(1).max(1_000_000).optional(),
  }),
  output: z.object({
    id: z.string(),
    name: z.string(),
    assistants_enabled: z.boolean(),
    approval_limit: z.number().int(),
  }),
  async targets({ tx, caller }, input) {
    requirePartnerLevel(caller, 'organizations.write', 'Changing organizations')
    return [organizationTarget(await findOrganization(tx, caller, 'organizations.write', input.organization))]
  },
  plan: async (_, input, targets) => ({ summary: `${changes(input)} for ${targets[0]?.name}.`, irreversible: [] }),
  async run({ tx, caller }, input) {
    const before = await findOrganization(tx, caller, 'organizations.write', input.organization)
    if (isDelegated(caller.credential) && (input.approval_limit ?? 0) > before.approvalLimit) {
      throw forbidden("A key can't raise the limit that bounds it.", 'Do it in person, at the console or the server.')
    }
    const change = {
      ...(input.name !== undefined && { name: input.name }),
      ...(input.assistants_enabled !== undefined && { assistants_enabled: input.assistants_enabled }),
      ...(input.approval_limit !== undefined && { approval_limit: input.approval_limit }),
    }
    if (Object.keys(change).length > 0) await changeOrganization(tx, before.id, change)
    return {
      id: before.id,
      name: input.name ?? before.name,
      assistants_enabled: input.assistants_enabled ?? before.assistantsEnabled,
      approval_limit: input.approval_limit ?? before.approvalLimit,
    }
  },
  present: (now) => ({
    text: `${now.name}: assistants ${now.assistants_enabled ? 'on' : 'off'}, approval above ${now.approval_limit} devices.`,
    data: now,
  }),
})

function changes(input: {
  name?: string | undefined
  assistants_enabled?: boolean | undefined
  approval_limit?: number | undefined
}): string {
  const parts = [
    ...(input.name === undefined ? [] : [`set the name to "${input.name}"`]),
    ...(input.assistants_enabled === undefined ? [] : [`switch assistants ${input.assistants_enabled ? 'on' : 'off'}`]),
    ...(input.approval_limit === undefined ? [] : [`ask for approval above ${input.approval_limit} devices`]),
  ]
  const text = parts.length === 0 ? 'change nothing' : parts.join(', ')
  return text[0]?.toUpperCase() + text.slice(1)
}
