import { z } from 'zod'
import { findOrganization } from '../../domains/organizations/service.ts'
import { isInstant } from '../../kernel/cursor.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { asList, listInput, listOutput, oneOrMany, pageEnd, pageStart, referenceField } from '../fields.ts'
import { KEY_STATES, listKeys, type KeyFilter } from '../services/api-keys.ts'
import { findUser } from '../services/users.ts'

const named = z.object({ id: z.string(), name: z.string().nullable() })
const key = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe('The first characters of the secret.'),
  user: named,
  organizations: z.array(named).nullable().describe('Null: everything its user reaches.'),
  scopes: z.array(z.string()),
  ip_allow_list: z.array(z.string()).nullable(),
  state: z.enum(KEY_STATES),
  expires_at: z.string().nullable(),
  former_secret_until: z.string().optional().describe('While a rotation overlaps.'),
  last_used_at: z.string().nullable(),
  last_used_ip: z.string().nullable(),
  created_at: z.string(),
})

export default defineTool({
  name: 'list_api_keys',
  title: 'List API keys',
  description:
    'Lists your API keys and those of your service users, newest first, with scopes, expiry and last use; administrators see those of their organizations. Never shows a secret. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'keys.read' },
  input: z.object({
    organization: referenceField.optional().describe('Id or name.'),
    user: referenceField.optional().describe('Id, e-mail address or name.'),
    state: oneOrMany(z.enum(KEY_STATES)).default(['active', 'expired']),
    ...listInput,
  }),
  output: z.object({ api_keys: z.array(key), ...listOutput }),
  async run({ tx, caller, now }, input) {
    const { organization, user } = input
    const filter: KeyFilter = {
      organizationId:
        organization === undefined ? undefined : (await findOrganization(tx, caller, 'keys.read', organization)).id,
      userId: user === undefined ? undefined : (await findUser(tx, caller, 'keys.read', user)).id,
      states: asList(input.state) ?? KEY_STATES,
    }
    const after = pageStart('api_keys', filter, input.cursor)
    if (after && !isInstant(after[0])) throw invalidInput('cursor: this is not a cursor of this list.')
    const list = await listKeys(tx, caller, filter, now(), input.limit, after)
    const names = new Map([...caller.organizations.values()].map((item) => [item.id, item.name]))
    return { list, names, now: now(), page: pageEnd('api_keys', filter, list.counted, list.next) }
  },
  present: ({ list, names, now, page }) => ({
    text: [
      `${page.total} API keys; ${list.rows.length} shown, newest first.`,
      ...list.rows.map((row) => `${row.name} (${row.id}): ${row.state}, ${row.scopes.join(', ')}`),
    ].join('\n'),
    data: {
      api_keys: list.rows.map((row) => ({
        id: row.id,
        name: row.name,
        prefix: row.prefix,
        user: { id: row.user.id, name: row.user.name },
        organizations: row.organizationIds?.map((id) => ({ id, name: names.get(id) ?? null })) ?? null,
        scopes: row.scopes,
        ip_allow_list: row.ipAllowList,
        state: row.state,
        expires_at: row.expiresAt?.toISOString() ?? null,
        ...(row.formerExpiresAt &&
          row.formerExpiresAt > now && { former_secret_until: row.formerExpiresAt.toISOString() }),
        last_used_at: row.lastUsedAt?.toISOString() ?? null,
        last_used_ip: row.lastUsedIp,
        created_at: row.createdAt.toISOString(),
      })),
      ...page,
    },
  }),
})
