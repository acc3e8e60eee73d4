import { AREAS, CONFIRMATION_POLICIES } from '@breeze/contract/governance'
import { z } from 'zod'
import { findOrganization, organizationTarget, requirePartnerLevel } from '../../domains/organizations/service.ts'
import { isDelegated } from '../../kernel/caller.ts'
import { forbidden, invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { referenceField } from '../fields.ts'
import { storePolicy } from '../services/policies.ts'

const input = z.object({
  policy: z
    .enum([...CONFIRMATION_POLICIES, 'default'])
    .describe(
      "client: the AI client's own dialog; preview: plan and token; elicit; approver; default: no rule of its own.",
    ),
  organization: referenceField.optional().describe('Id or name; none for every organization.'),
  area: z.enum(AREAS).optional(),
  tier: z.union([z.literal(2), z.literal(3)]).optional(),
  tool: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be the name of a tool')
    .optional(),
})

export default defineTool({
  name: 'set_confirmation_policy',
  title: 'Set a confirmation policy',
  description:
    'Sets how calls are confirmed in an organization or everywhere, for an area, a tier or one tool. The most specific rule wins. Takes effect with the next call.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'governance.write', idempotent: true },
  needsProof: true,
  input,
  output: z.object({
    organization: z.object({ id: z.string(), name: z.string() }).nullable(),
    area: z.string().nullable(),
    tier: z.number().nullable(),
    tool: z.string().nullable(),
    policy: z.string(),
  }),
  async targets({ tx, caller }, input) {
    // A key that could loosen this would confirm its own acts.
    if (isDelegated(caller.credential)) {
      throw forbidden(
        "A key can't change how calls are confirmed.",
        'Do it in person, at the console or on the server.',
      )
    }
    if (input.tool !== undefined && input.area !== undefined)
      throw invalidInput('tool: a tool has its area; leave area out.')
    if (input.organization === undefined) {
      requirePartnerLevel(caller, 'governance.write', 'A rule for every organization')
      return []
    }
    return [organizationTarget(await findOrganization(tx, caller, 'governance.write', input.organization))]
  },
  plan: async (_, input, targets) => ({
    summary: `Confirm ${input.tool ?? `${input.area ?? 'all'} calls`}${input.tier ? ` of tier ${input.tier}` : ''} by "${input.policy}" in ${targets[0]?.name ?? 'every organization'}.`,
    irreversible: [],
  }),
  async run({ tx, caller, newId }, input, targets) {
    const organization = targets[0] ? { id: targets[0].id, name: targets[0].name } : null
    const subject = { area: input.area ?? null, tier: input.tier ?? null, tool: input.tool ?? null }
    const row = { id: newId(), partnerId: caller.partnerId, organizationId: organization?.id ?? null, ...subject }
    await storePolicy(tx, row, input.policy)
    return { organization, ...subject, policy: input.policy }
  },
  present: (set) => ({
    text: `Policy "${set.policy}" for ${set.tool ?? set.area ?? 'all tools'}${set.tier ? `, tier ${set.tier}` : ''} in ${set.organization?.name ?? 'every organization'}.`,
    data: set,
  }),
})
