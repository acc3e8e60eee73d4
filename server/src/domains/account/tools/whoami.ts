import { ALL_SCOPES, isScope, PERMISSIONS, type Scope } from '@breeze/contract/governance'
import { z } from 'zod'
import type { Caller } from '../../../kernel/caller.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'

const SHOWN = 50

const output = z.object({
  user: z.object({ id: z.string(), name: z.string(), kind: z.string() }),
  credential: z.object({ kind: z.string(), id: z.string(), name: z.string(), expires_at: z.string().nullable() }),
  client: z.string().nullable(),
  scopes: z.array(z.string()).describe('"all" for a person at the console or the server itself.'),
  organizations: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      permissions: z.array(z.string()),
      sites: z.string(),
      stopped: z.boolean(),
    }),
  ),
  elevations: z.array(z.record(z.string(), z.string())).optional(),
  total: z.number().int(),
  emergency_stop: z.string().nullable(),
  last_session: z.string().nullable().describe('When the session of this credential before this one ended.'),
  tools: z.array(z.string()).describe('Usable now.'),
  needs_more: z.array(
    z.object({
      tool: z.string(),
      action: z.string().optional(),
      code: z.string(),
      remedy: z.string(),
      required_scope: z.string().optional(),
    }),
  ),
  request: z.object({ scope: z.string(), held: z.boolean(), how: z.string() }).optional(),
})

export default defineTool({
  name: 'whoami',
  title: 'Who am I',
  description:
    'Tells who the caller is: user, credential, organizations, permissions, last session, usable tools, and what the others need. With request_scope, how to obtain that scope.',
  area: 'account',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  input: z.object({ request_scope: z.string().max(60).optional().describe('A scope to ask for, such as ai:execute.') }),
  output,
  async run({ caller, services }, input) {
    const requested = input.request_scope
    if (requested !== undefined && !isScope(requested)) {
      throw invalidInput(
        `request_scope: "${requested}" is not a scope.`,
        `Use one of ${ALL_SCOPES.slice(0, 8).join(', ')}, or <area>.<level>.`,
      )
    }
    return { caller, standing: services.account.standing(caller), requested }
  },
  present({ caller, standing, requested }) {
    const organizations = [...caller.organizations.values()]
    const scopes = caller.scopes === 'all' ? ['all'] : [...caller.scopes].sort()
    const names = organizations.slice(0, 10).map((organization) => organization.name)
    const text =
      `${caller.user.name}, by ${caller.credential.kind.replace('_', ' ')} "${caller.credential.name}", scopes ${scopes.join(', ')}. ` +
      elevationText(caller) +
      `Reaches ${organizations.length} organization${organizations.length === 1 ? '' : 's'}: ${names.join(', ')}. ` +
      `${standing.usable.length} tools usable now, ${standing.needsMore.length} actions need more.` +
      (requested ? ` ${howToGet(caller, requested)}` : '')
    return {
      text,
      data: {
        user: caller.user,
        credential: { ...caller.credential, expires_at: caller.expiresAt?.toISOString() ?? null },
        client: caller.client,
        scopes,
        organizations: organizations.slice(0, SHOWN).map((organization) => ({
          id: organization.id,
          name: organization.name,
          permissions: PERMISSIONS.filter((permission) =>
            organization.grants.some((grant) => grant.permissions.has(permission)),
          ),
          sites: organization.grants.some((grant) => grant.sites === 'all') ? 'all' : 'some',
          stopped: organization.stopped,
        })),
        ...(caller.elevations.length > 0 && {
          elevations: caller.elevations.map(({ id, scope, organizationId, endsAt }) => ({
            id,
            scope,
            organization: organizationId,
            ends_at: endsAt.toISOString(),
          })),
        }),
        total: organizations.length,
        emergency_stop: caller.stopped,
        last_session: caller.lastUsedAt,
        tools: standing.usable,
        needs_more: standing.needsMore,
        ...(requested && {
          request: { scope: requested, held: holds(caller, requested), how: howToGet(caller, requested) },
        }),
      },
    }
  },
})

const holds = (caller: Caller, scope: Scope): boolean => caller.scopes === 'all' || caller.scopes.has(scope)

const elevationText = ({ elevations, organizations }: Caller): string =>
  elevations
    .map(({ scope, organizationId, endsAt }) => {
      const name = organizations.get(organizationId)?.name ?? organizationId
      return `Holds ${scope} at ${name} until ${endsAt.toISOString()}. `
    })
    .join('')

function howToGet(caller: Caller, scope: Scope): string {
  if (holds(caller, scope)) return `The scope ${scope} is held already.`
  const forAWhile = 'For a while, at one organization: request_elevation, which a person decides about. '
  if (caller.credential.kind === 'oauth_grant')
    return `${forAWhile}For good: authorize again with the scope ${scope}; the next call that needs it starts this.`
  return `${forAWhile}For good, a key's scopes are changed by its owner or an administrator: breeze key update ${caller.credential.id} --scopes …,${scope}`
}
