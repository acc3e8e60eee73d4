import { z } from 'zod'
import { isDelegated, type Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { nameField, referenceField } from '../fields.ts'
import '../services/credentials.ts'
import {
  belongsToField,
  describeRoles,
  homeOf,
  resolveRoles,
  roleRequestFields,
  roleTargets,
  type GrantedRoles,
} from '../services/role-requests.ts'
import { findUser, insertUser, replaceAssignments, setPassword, type UserFacts } from '../services/users.ts'

const input = z.object({
  kind: z
    .enum(['person', 'service'])
    .default('person')
    .describe('A service user never signs in; its owner answers for it.'),
  email: z.email().max(254).optional().describe('Needed for a person.'),
  name: nameField.optional().describe('Needed for a service user.'),
  ...roleRequestFields,
  owner: referenceField.optional().describe('Of a service user: id, e-mail address or name; you, when left out.'),
  belongs_to: belongsToField,
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'create_user',
  title: 'Create a user',
  description:
    'Adds a person or a service user with a role in organizations or at the partner, never above your own. Answers with a one-time password for a person, unless a key makes them. Use a service user for keys that must outlive a person.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'users.write' },
  needsProof: true,
  input,
  output: z.object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['person', 'service']),
    email: z.string().nullable(),
    roles: z.string(),
    password: z.string().optional(),
  }),
  async targets({ tx, caller }, input) {
    const planned = await planUser(tx, caller, input)
    return roleTargets(caller, planned.granted)
  },
  async plan({ tx, caller }, input) {
    const { granted } = await planUser(tx, caller, input)
    return {
      summary: `Create the ${input.kind} ${input.email ?? input.name} as ${describeRoles(granted)}.`,
      irreversible: [],
    }
  },
  async run({ tx, caller, newId }, input) {
    const { granted, owner, organizationId } = await planUser(tx, caller, input)
    const id = newId()
    const name = input.name ?? input.email ?? ''
    const email = input.email ?? null
    await insertUser(tx, caller.partnerId, {
      id,
      kind: input.kind,
      email,
      name,
      organizationId,
      ownerId: owner?.id ?? null,
    })
    await replaceAssignments(tx, { id, partnerId: caller.partnerId }, granted.assignments, newId)
    return { id, name, email, roles: describeRoles(granted) }
  },
  /**
   * The password is hashed with no transaction open; until it is stored, nobody can sign in as this person. A key gets
   * none: who signs in is bound by neither its scopes nor its expiry nor the allow-list.
   */
  async settle({ caller, transaction, services }, user, input) {
    if (input.kind === 'service' || isDelegated(caller.credential)) return { ...user, password: null }
    const { password, hash } = await services.credentials.makePassword()
    await transaction((tx) => setPassword(tx, user.id, hash))
    return { ...user, password }
  },
  present: ({ id, name, email, roles, password }, input) => ({
    text: `Created ${name} (${id}) as ${roles}.${password === null ? '' : ` One-time password, shown only now: ${password}`}`,
    data: { id, name, email, kind: input.kind, roles, ...(password !== null && { password }) },
  }),
})

interface PlannedUser {
  granted: GrantedRoles
  owner: Pick<UserFacts, 'id'> | null
  /** The organization the user belongs to, as its own person; null for the partner's. */
  organizationId: string | null
}

async function planUser(tx: Tx, caller: Caller, input: Input): Promise<PlannedUser> {
  if (input.kind === 'person' && input.email === undefined)
    throw invalidInput('email: a person needs an e-mail address.')
  if (input.kind === 'service' && input.name === undefined) throw invalidInput('name: a service user needs a name.')
  if (input.kind === 'person' && input.owner !== undefined)
    throw invalidInput('owner: only service users have an owner.')
  const granted = await resolveRoles(tx, caller, [input])
  const organizationId = homeOf(caller, granted, input.belongs_to)
  return { granted, owner: await ownerOf(tx, caller, input), organizationId }
}

async function ownerOf(tx: Tx, caller: Caller, input: Input): Promise<Pick<UserFacts, 'id'> | null> {
  if (input.kind === 'person') return null
  // Not everybody sees their own row: who belongs to the partner and holds a role in an organization does not.
  const owner = input.owner === undefined ? caller.user : await findUser(tx, caller, 'users.write', input.owner)
  if (owner.kind === 'service') throw invalidInput('owner: a service user must be owned by a person.')
  if ('disabled' in owner && owner.disabled) throw invalidInput('owner: this person is disabled.')
  return owner
}
