import { z } from 'zod'
import { organizationTarget } from '../../domains/organizations/service.ts'
import { isDelegated, type Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { forbidden, invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { referenceField } from '../fields.ts'
import '../services/credentials.ts'
import { describeRoles, resolveRoles, roleRequestFields, type GrantedRoles } from '../services/role-requests.ts'
import { ownRights, requireAtLeast, requireScopesFor } from '../services/roles.ts'
import { endSessions, sessionsOf } from '../services/sessions.ts'
import {
  assignmentsOf,
  findUser,
  keysOfUser,
  replaceAssignments,
  setDisabled,
  setPassword,
  userTarget,
  type UserFacts,
} from '../services/users.ts'

const input = z.object({
  action: z.enum(['disable', 'enable', 'set_roles', 'reset_password']),
  user: referenceField.describe('Id, e-mail address or name.'),
  roles: z
    .array(z.strictObject(roleRequestFields))
    .min(1)
    .max(50)
    .optional()
    .describe('For set_roles: all roles held from now on.'),
})
type Input = z.output<typeof input>

const act = { tier: 2, permission: 'users.write' } as const

export default defineTool({
  name: 'update_user',
  title: 'Change a user',
  description:
    'Disables or enables a user, sets all their roles, or gives them a new one-time password. Takes effect with the next call of each of their credentials. Never your own rights, and never above them.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      disable: { ...act, idempotent: true },
      enable: { ...act, idempotent: true },
      set_roles: { ...act, idempotent: true },
      reset_password: act,
    },
  },
  needsProof: true,
  input,
  output: z.object({
    id: z.string(),
    name: z.string(),
    disabled: z.boolean(),
    roles: z.string().optional(),
    password: z.string().optional(),
  }),
  async targets({ tx, caller }, input) {
    const { user, granted } = await planChange(tx, caller, input)
    return [userTarget(user), ...(granted?.organizations ?? []).map(organizationTarget)]
  },
  async plan({ tx, caller }, input) {
    const { user, granted } = await planChange(tx, caller, input)
    const summaries = {
      disable: `Disable ${user.name}: every key of theirs and of the services they own stops working.`,
      enable: `Enable ${user.name} again.`,
      set_roles: `${user.name} holds from now on: ${granted ? describeRoles(granted) : 'nothing'}.`,
      reset_password: `Give ${user.name} a new one-time password; the former one stops working.`,
    }
    return { summary: summaries[input.action], irreversible: [] }
  },
  async run({ tx, caller, now, newId, services }, input) {
    const { user, granted } = await planChange(tx, caller, input)
    if (input.action === 'disable') await setDisabled(tx, user.id, now())
    if (input.action === 'enable') await setDisabled(tx, user.id, null)
    if (granted) await replaceAssignments(tx, { id: user.id, partnerId: caller.partnerId }, granted.assignments, newId)
    if (input.action === 'disable' || granted) {
      const keys = await keysOfUser(tx, user.id)
      // Who is enabled again signs in again; other roles end no session, only the streams that were opened with the former.
      const sessions =
        input.action === 'disable' ? await endSessions(tx, user.id, now()) : await sessionsOf(tx, user.id)
      tx.afterCommit(() => services.credentials.revoked([...keys, ...sessions]))
    }
    const disabled = input.action === 'disable' || (input.action !== 'enable' && user.disabled)
    return { id: user.id, name: user.name, disabled, roles: granted ? describeRoles(granted) : null }
  },
  async settle({ transaction, services, caller, now }, changed, input) {
    if (input.action !== 'reset_password') return { ...changed, password: null }
    const { password, hash } = await services.credentials.makePassword()
    const ended = await transaction(async (tx) => {
      await setPassword(tx, changed.id, hash)
      return endSessions(tx, changed.id, now(), { except: caller.credential.id })
    })
    services.credentials.revoked(ended)
    return { ...changed, password }
  },
  present: ({ id, name, disabled, roles, password }) => ({
    text: [
      `${name} is ${disabled ? 'disabled' : 'enabled'}.`,
      ...(roles === null ? [] : [`Roles: ${roles}.`]),
      ...(password === null ? [] : [`One-time password, shown only now: ${password}`]),
    ].join(' '),
    data: { id, name, disabled, ...(roles !== null && { roles }), ...(password !== null && { password }) },
  }),
})

async function planChange(
  tx: Tx,
  caller: Caller,
  input: Input,
): Promise<{ user: UserFacts; granted: GrantedRoles | null }> {
  const user = await findUser(tx, caller, 'users.write', input.user)
  // A password is no right: one may have a new one of one's own.
  if (user.id === caller.user.id && input.action !== 'reset_password') throw ownRights()
  // Who signs in is bound by neither a key's scopes nor its expiry nor the allow-list.
  if (input.action === 'reset_password' && isDelegated(caller.credential)) {
    throw forbidden("A key can't give passwords.", 'Do it in person, at the console or on the server.')
  }
  const held = await assignmentsOf(tx, [user.id])
  requireAtLeast(caller, held)
  if (input.action !== 'disable') requireScopesFor(caller, held)
  if (input.action === 'reset_password' && user.kind === 'service') {
    throw invalidInput('A service user has no password.', 'Make an API key for it instead.')
  }
  if ((input.action === 'set_roles') !== (input.roles !== undefined)) {
    throw invalidInput('roles: give them with set_roles, and only then.')
  }
  if (!input.roles) return { user, granted: null }
  const granted = await resolveRoles(tx, caller, input.roles)
  requireSameHome(user, granted)
  return { user, granted }
}

/** An organization's own person can hold roles in that organization only: the look-up of rights ignores others. */
function requireSameHome(user: UserFacts, granted: GrantedRoles): void {
  const { organizationId } = user
  if (
    organizationId === null ||
    granted.assignments.every((assignment) => assignment.organizationId === organizationId)
  )
    return
  throw forbidden(
    `${user.name} belongs to one organization and can't hold roles elsewhere.`,
    "Create a user among the partner's own people for that (belongs_to: partner).",
  )
}
