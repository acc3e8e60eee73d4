import { z } from 'zod'
import { findOrganization } from '../../domains/organizations/service.ts'
import { asList, listInput, listOutput, oneOrMany, pageEnd, pageStart, referenceField } from '../../identity/fields.ts'
import { findUser } from '../../identity/services/users.ts'
import { isInstant } from '../../kernel/cursor.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { defineTool } from '../../kernel/tool.ts'
import { GRANT_STATES, type GrantFilter, listGrants } from '../grant-list.ts'

const named = z.object({ id: z.string(), name: z.string().nullable() })
const grant = z.object({
  id: z.string(),
  client: z.object({
    id: z.string(),
    name: z.string(),
    verified: z.boolean(),
    host: z.string().nullable().describe('Who vouches for the name; null when nobody does.'),
    first_party: z.boolean(),
  }),
  redirect_host: z.string(),
  user: named,
  organizations: z.array(named).nullable().describe('Null: everything its user reaches.'),
  scopes: z.array(z.string()),
  state: z.enum(GRANT_STATES),
  active_sessions: z.number().int().describe('Sign-ins of the program that are alive under it.'),
  created_at: z.string(),
  last_authorized_at: z.string(),
  last_used_at: z.string().nullable(),
  expires_at: z.string(),
  revoked_at: z.string().nullable(),
  revoked_reason: z.string().nullable(),
})

export default defineTool({
  name: 'list_grants',
  title: 'List OAuth grants',
  description:
    'Lists the assistants you let in by OAuth, newest first, with scopes, reach and last use; administrators see those of their organizations. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'keys.read' },
  input: z.object({
    organization: referenceField.optional().describe('Id or name.'),
    user: referenceField.optional().describe('Id, e-mail address or name; "me" for your own.'),
    client: z.string().trim().min(1).max(500).optional().describe('Id or name of the program.'),
    state: oneOrMany(z.enum(GRANT_STATES)).default(['active']),
    ...listInput,
  }),
  output: z.object({ grants: z.array(grant), ...listOutput }),
  async run({ tx, caller, now }, input) {
    const { organization, user } = input
    const filter: GrantFilter = {
      organizationId:
        organization === undefined ? undefined : (await findOrganization(tx, caller, 'keys.read', organization)).id,
      userId: user === undefined ? undefined : await idOf(tx, caller, user),
      client: input.client,
      states: asList(input.state) ?? GRANT_STATES,
    }
    const after = pageStart('grants', filter, input.cursor)
    if (after && !isInstant(after[0])) throw invalidInput('cursor: this is not a cursor of this list.')
    const list = await listGrants(tx, caller, filter, now(), input.limit, after)
    const names = new Map([...caller.organizations.values()].map((item) => [item.id, item.name]))
    return { list, names, page: pageEnd('grants', filter, list.counted, list.next) }
  },
  present: ({ list, names, page }) => ({
    text: [
      `${page.total} grants; ${list.rows.length} shown, newest first.`,
      ...list.rows.map(
        (row) =>
          `${row.client_name} of ${row.user_name ?? 'another user'} (${row.id}): ${row.state}, ${row.scopes.join(', ')}`,
      ),
    ].join('\n'),
    data: {
      grants: list.rows.map((row) => ({
        id: row.id,
        client: {
          id: row.client_id,
          name: row.client_name,
          verified: row.client_host !== null,
          host: row.client_host,
          first_party: row.first_party,
        },
        redirect_host: row.redirect_host,
        user: { id: row.user_id, name: row.user_name },
        organizations: row.organization_ids?.map((id) => ({ id, name: names.get(id) ?? null })) ?? null,
        scopes: row.scopes,
        state: row.state,
        active_sessions: row.sessions,
        created_at: row.created_at.toISOString(),
        last_authorized_at: row.last_authorized_at.toISOString(),
        last_used_at: row.last_used_at?.toISOString() ?? null,
        expires_at: row.expires_at.toISOString(),
        revoked_at: row.revoked_at?.toISOString() ?? null,
        revoked_reason: row.revoked_reason,
      })),
      ...page,
    },
  }),
})

const idOf = async (tx: Tx, caller: Caller, user: string): Promise<string> =>
  user === 'me' ? caller.user.id : (await findUser(tx, caller, 'keys.read', user)).id
