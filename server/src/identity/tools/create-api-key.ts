import { z } from 'zod'
import {
  findOrganizations,
  organizationsWith,
  organizationTarget,
  requirePartnerLevel,
} from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { conflict, forbidden, invalidInput, notFound } from '../../kernel/errors.ts'
import { defineTool, type Target } from '../../kernel/tool.ts'
import { DURATION_HELP, durationField } from '../duration.ts'
import { asList, nameField, oneOrMany, referenceField } from '../fields.ts'
import { insertKey } from '../services/api-keys.ts'
import '../services/credentials.ts'
import {
  boundExpiry,
  boundRanges,
  ipRangesField,
  makerLimits,
  permissionsOver,
  requireScopes,
  scopesField,
  type KeyReach,
} from '../services/key-rights.ts'
import { requireAtLeast } from '../services/roles.ts'
import { assignmentsOf, findUser, userTarget } from '../services/users.ts'

const input = z.object({
  name: nameField,
  scopes: scopesField.describe('Such as ai:read, devices.write.'),
  organizations: oneOrMany(referenceField).optional().describe('Ids or names: all that the key reaches.'),
  partner_wide: z
    .boolean()
    .optional()
    .describe('Reaches every organization that its user reaches, later ones included.'),
  user: referenceField.optional().describe('A service user that you own; you, when left out.'),
  expires_in: durationField('1m', '3650d').optional().describe(`${DURATION_HELP} Never, when left out.`),
  ip_allow_list: ipRangesField.optional().describe('Addresses or ranges that it works from.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'create_api_key',
  title: 'Create an API key',
  description:
    'Makes an API key for yourself or a service user you own, with scopes and reach of at most your own rights. The secret is answered once and never again.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'keys.write' },
  input,
  output: z.object({
    id: z.string(),
    name: z.string(),
    key: z.string().optional(),
    scopes: z.array(z.string()),
    expires_at: z.string().nullable(),
  }),
  targets: async ({ tx, caller, now }, input) => (await planKey(tx, caller, now(), input)).targets,
  async plan({ tx, caller, now }, input) {
    const { reach, expiresAt } = await planKey(tx, caller, now(), input)
    const where =
      reach === 'partner' ? 'every organization' : `${reach.length} organization${reach.length === 1 ? '' : 's'}`
    const until = expiresAt ? ` until ${expiresAt.toISOString()}` : ''
    return {
      summary: `Create the key "${input.name}" with ${input.scopes.join(', ')} for ${where}${until}.`,
      irreversible: [],
    }
  },
  async run({ tx, caller, now, newId, services }, input) {
    const { reach, userId, expiresAt, ipAllowList } = await planKey(tx, caller, now(), input)
    const made = services.credentials.makeKey()
    const id = newId()
    const organizationIds = reach === 'partner' ? null : [...reach]
    const { name, scopes } = input
    const row = {
      id,
      partnerId: caller.partnerId,
      organizationIds,
      userId,
      createdBy: caller.user.id,
      name,
      scopes,
      ipAllowList,
      expiresAt,
    }
    await insertKey(tx, row, made)
    return { id, name, key: made.secret, scopes, expires_at: expiresAt?.toISOString() ?? null }
  },
  present: (made) => ({
    text: `Created the key "${made.name}" (${made.id}). Its secret, shown only now: ${made.key}`,
    data: made,
  }),
})

interface PlannedKey {
  userId: string
  reach: KeyReach
  targets: Target[]
  expiresAt: Date | null
  ipAllowList: string[] | null
}

async function planKey(tx: Tx, caller: Caller, now: Date, input: Input): Promise<PlannedKey> {
  const { reach, targets } = await resolveReach(tx, caller, input)
  requireScopes(caller, input.scopes, permissionsOver(caller, reach))
  const holder =
    input.user === undefined || input.user === caller.user.id ? null : await serviceUser(tx, caller, input.user)
  const limits = await makerLimits(tx, caller)
  const wanted = input.expires_in === undefined ? null : new Date(now.getTime() + input.expires_in)
  return {
    userId: holder?.id ?? caller.user.id,
    reach,
    targets: holder ? [...targets, userTarget(holder)] : targets,
    expiresAt: boundExpiry(limits, wanted),
    ipAllowList: await boundRanges(tx, limits, input.ip_allow_list ?? null),
  }
}

/** Where the key will reach. Connecting an assistant takes the permission mcp.write besides keys.write (CON-8). */
async function resolveReach(tx: Tx, caller: Caller, input: Input): Promise<{ reach: KeyReach; targets: Target[] }> {
  const named = asList(input.organizations)
  if (named && input.partner_wide) throw invalidInput('Give organizations or partner_wide, not both.')
  if (input.partner_wide) {
    requirePartnerLevel(caller, 'keys.write', 'A partner-wide key')
    requirePartnerLevel(caller, 'mcp.write', 'A partner-wide key')
    return { reach: 'partner', targets: [] }
  }
  const references = named ?? onlyOrganization(caller)
  const organizations = await findOrganizations(tx, caller, 'keys.write', references)
  for (const { id, name } of organizations) requireConnecting(caller, id, name)
  if (organizations.length > 1) requirePartnerLevel(caller, 'keys.write', 'A key over several organizations')
  return { reach: organizations.map((organization) => organization.id), targets: organizations.map(organizationTarget) }
}

function onlyOrganization(caller: Caller): string[] {
  const reach = organizationsWith(caller, 'keys.write')
  if (reach.length === 1 && !caller.partner) return reach
  throw invalidInput('organizations: say what the key reaches.', 'Name organizations, or set partner_wide.')
}

function requireConnecting(caller: Caller, organizationId: string, name: string): void {
  const grants = caller.organizations.get(organizationId)?.grants ?? []
  if (grants.some((grant) => grant.permissions.has('keys.write') && grant.permissions.has('mcp.write'))) return
  throw forbidden(
    `Your role in ${name} does not include the permission "MCP Server write".`,
    'Ask an administrator for a role that includes it.',
  )
}

/** A service user of the caller's own, whose roles are still no more than the caller's. */
async function serviceUser(tx: Tx, caller: Caller, reference: string) {
  const user = await findUser(tx, caller, 'keys.write', reference)
  if (user.id === caller.user.id) return user
  if (user.ownerId !== caller.user.id) {
    if (organizationsWith(caller, 'users.read').length === 0) throw notFound('user', reference)
    throw forbidden('Keys are made for yourself or for a service user you own.', 'Ask the owner to make it.')
  }
  if (user.disabled) throw conflict(`${user.name} is disabled.`, 'Enable it first.')
  requireAtLeast(caller, await assignmentsOf(tx, [user.id]))
  return user
}
