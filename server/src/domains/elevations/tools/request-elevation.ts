import { ALL_SCOPES, isScope } from '@breeze/contract/governance'
import { z } from 'zod'
import { reasonField, referenceField } from '../../../identity/fields.ts'
import { defineTool, operationOf } from '../../../kernel/tool.ts'
import { findOrganization, organizationTarget } from '../../organizations/service.ts'
import { granterNeeds, requireAskable, whatItOpens } from '../asking.ts'
import { grant } from '../service.ts'

export default defineTool({
  name: 'request_elevation',
  title: 'Ask for more, for a while',
  description:
    'Asks a person to give this credential one more scope, at one organization, for 5 to 480 minutes. Answers approval_required; get_operation tells what was decided. It ends by itself, and never goes beyond the role of its user.',
  area: 'account',
  surfaces: ['mcp', 'rest', 'cli'],
  actions: { tier: 2, permission: 'devices.read', scopeTier: 1 },
  needsApprover: true,
  input: z.object({
    scope: z
      .string()
      .max(60)
      .refine(isScope, { error: `unknown scope; such as ${ALL_SCOPES.slice(0, 4).join(', ')}` })
      .describe('Such as ai:execute.'),
    organization: referenceField.describe('Id or name.'),
    minutes: z.number().int().min(5).max(480).default(60),
    reason: reasonField.describe('What for: whoever decides reads it.'),
  }),
  output: z.object({ elevation: z.string(), scope: z.string(), ends_at: z.string() }),
  async targets({ tx, caller }, input) {
    const organization = await findOrganization(tx, caller, 'devices.read', input.organization)
    requireAskable(caller, organization, input.scope)
    return [organizationTarget(organization)]
  },
  plan: async ({ caller }, input, targets) => ({
    summary:
      `Give the ${caller.credential.kind === 'api_key' ? 'API key' : 'client'} "${caller.credential.name}" of ${caller.user.name} ` +
      `the scope ${input.scope} at ${targets[0]?.name} for ${input.minutes} minutes, because: ${input.reason}`,
    irreversible: [],
    warnings: [`it opens ${whatItOpens(input.scope)}, as far as the role of ${caller.user.name} goes`],
    approver: granterNeeds(input.scope),
  }),
  async run(context, input, [target]) {
    const { tx, caller, now, newId, events } = context
    const organizationId = target?.organizationId
    if (!organizationId) throw new Error('an elevation is for one organization')
    const id = newId()
    const asked = { id, caller, organizationId, ...input, operation: operationOf(context), now: now() }
    const endsAt = await grant(tx, asked)
    // Its client may list more from now on.
    tx.afterCommit(() => events.publish('administration'))
    return { elevation: id, scope: input.scope, ends_at: endsAt.toISOString() }
  },
  present: (data) => ({ text: `${data.scope} is granted until ${data.ends_at}.`, data }),
})
