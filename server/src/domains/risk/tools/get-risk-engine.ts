import { ALL_SCOPES, CONFIRMATION_POLICIES, SURFACES } from '@breeze/contract/governance'
import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { policiesOf } from '../../../identity/services/policies.ts'
import type { Caller } from '../../../kernel/caller.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { SettleContext, TransactionContext } from '../../../kernel/tool.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { approvalSettings, findOrganization } from '../../organizations/service.ts'
import { credentialsAmong, seenCounts, type SeenCredential } from '../limits.ts'

const refusal = z.object({ code: z.string(), reason: z.string(), remedy: z.string() })
const action = z.object({
  name: z.string().nullable(),
  tier: z.number().int(),
  permission: z.string(),
  allowed: z.boolean(),
  refusal: refusal.nullable(),
  confirmation: z
    .object({
      policy: z.enum([...CONFIRMATION_POLICIES, 'by_reach']),
      from: z.enum(['default', 'partner', 'organization', 'fixed']),
    })
    .nullable(),
})
const credential = z.object({ kind: z.string(), id: z.string(), name: z.string(), user: z.string().nullable() })

const output = z.object({
  seen_by: z.object({ kind: z.enum(['assistant', 'self', 'credential']), name: z.string(), user: z.string() }),
  organization: z
    .object({
      id: z.string(),
      name: z.string(),
      assistants_enabled: z.boolean(),
      approval_limit: z.number().int(),
      approval_hours: z.number().int(),
      requester_may_decide: z.boolean(),
      untrusted_minutes: z.number().int().describe('0: off.'),
    })
    .nullable(),
  tools: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      area: z.string(),
      surfaces: z.array(z.enum(SURFACES)),
      actions: z.array(action),
    }),
  ),
  policies: z.array(
    z.object({
      from: z.enum(['partner', 'organization']),
      area: z.string().nullable(),
      tier: z.number().nullable(),
      tool: z.string().nullable(),
      policy: z.enum(CONFIRMATION_POLICIES),
    }),
  ),
  server: z.object({
    environment: z.enum(['production', 'development']),
    execute_allow_list: z.array(z.string()).nullable().describe('Null: every high-impact tool.'),
    high_impact_tools: z.number().int(),
    require_execute_admin: z.boolean(),
  }),
  limits: z
    .array(
      z.object({
        limit: z.enum(['messages', 'streams_opened', 'streams_open', 'acts']),
        credential,
        tool: z.string().nullable(),
        used: z.number().int(),
        most: z.number().int(),
        seconds_left: z.number().int().nullable(),
      }),
    )
    .describe('As this server process counts.'),
})

const input = z.object({
  organization: referenceField.optional().describe('Id or name; none for all within reach.'),
  seen_by: z.enum(['assistant', 'self']).default('assistant').describe('assistant: a key of yours with every scope.'),
  credential: z.string().min(1).max(100).optional().describe('Id of a key or grant, instead of seen_by.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'get_risk_engine',
  title: 'Read the risk engine',
  description:
    'Tells of every tool and action whether it would run now for an assistant, and why not; the confirmation rules, the switches of the server, and what the limits have counted. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'governance.read' },
  input,
  output,
  async run(context, input) {
    const { tx, caller, services } = context
    const organization =
      input.organization === undefined
        ? null
        : await findOrganization(tx, caller, 'governance.read', input.organization)
    return {
      organization: organization && { ...organization, ...(await approvalSettings(tx, organization.id)) },
      rules: await policiesOf(tx, organization?.id ?? null),
      holder: await holderOf(context, input),
      counts: await seenCounts(tx, caller, services.risk.counts(), context.now()),
    }
  },
  async settle(context, ran, input) {
    const { risk } = context.services
    const seen = await seenBy(context, input, ran.holder)
    const question = {
      caller: seen.caller,
      organizationId: ran.organization?.id ?? null,
      assistantsOff: ran.organization?.assistantsEnabled === false,
      rules: ran.rules,
    }
    const { executeAllowList, requireExecuteAdmin } = risk.governance
    const server = {
      environment: risk.environment,
      execute_allow_list: executeAllowList === 'all' ? null : [...executeAllowList].sort(),
      high_impact_tools: risk.highImpactTools().length,
      require_execute_admin: requireExecuteAdmin,
    }
    return { ...ran, seen, tools: risk.judge(question), server }
  },
  present({ organization, rules, counts, seen, tools, server }) {
    const actions = tools.flatMap((tool) => tool.actions)
    const refused = actions.filter((one) => !one.allowed).length
    return {
      text: `${tools.length} tools with ${actions.length} actions, ${refused} of them refused to ${seen.name}${organization ? ` in ${organization.name}` : ''}.`,
      data: {
        seen_by: { kind: seen.kind, name: seen.name, user: seen.caller.user.name },
        organization: organization && {
          id: organization.id,
          name: organization.name,
          assistants_enabled: organization.assistantsEnabled,
          approval_limit: organization.approval_limit,
          approval_hours: organization.approval_hours,
          requester_may_decide: organization.requester_may_decide,
          untrusted_minutes: organization.untrusted_minutes ?? 0,
        },
        tools,
        policies: rules.map(({ organization_id: at, area, tier, tool, policy }) => {
          return { from: at === null ? ('partner' as const) : ('organization' as const), area, tier, tool, policy }
        }),
        server,
        limits: counts.map(({ limit, credential: { kind, id, name, user }, tool, used, most, secondsLeft }) => {
          return { limit, credential: { kind, id, name, user }, tool, used, most, seconds_left: secondsLeft }
        }),
      },
    }
  },
})

/** The key or grant that was asked for, if the caller may see it. */
async function holderOf(context: TransactionContext, { credential: id }: Input): Promise<SeenCredential | null> {
  if (id === undefined) return null
  const found = (await credentialsAmong(context.tx, context.caller, [id], context.now())).get(id)
  if (!found) throw notFound('key or grant', id)
  return found
}

interface Seen {
  kind: 'assistant' | 'self' | 'credential'
  name: string
  caller: Caller
}

async function seenBy({ caller, services }: SettleContext, input: Input, holder: SeenCredential | null): Promise<Seen> {
  if (holder) {
    const { id, name, kind, userId } = holder
    const known = await services.risk.holder(userId, { kind, id, name })
    if (!known) throw notFound('key or grant', id)
    return { kind: 'credential', name, caller: known }
  }
  if (input.seen_by === 'self') return { kind: 'self', name: 'you', caller }
  const assistant = { kind: 'api_key' as const, id: 'assistant', name: 'an assistant of yours' }
  const scopes = new Set<string>(ALL_SCOPES)
  return { kind: 'assistant', name: assistant.name, caller: { ...caller, credential: assistant, scopes } }
}
