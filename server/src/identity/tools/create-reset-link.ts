import { z } from 'zod'
import { isDelegated, type Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict, forbidden, invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { DURATION_HELP, durationField } from '../duration.ts'
import { referenceField } from '../fields.ts'
import '../services/credentials.ts'
import { ownRights, requireAtLeast, requireScopesFor } from '../services/roles.ts'
import { assignmentsOf, findUser, userTarget, type UserFacts } from '../services/users.ts'

const input = z.object({
  user: referenceField.describe('Id, e-mail address or name.'),
  second_factor: z
    .boolean()
    .default(false)
    .describe('Also removes their authenticator app and passkeys when the link is used.'),
  expires_in: durationField('5m', '3d').default(86_400_000).describe(`1d unless given. ${DURATION_HELP}`),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'create_reset_link',
  title: 'Make a link to set a new password',
  description:
    'Makes a link with which a person sets a new password, answered once. Use it for somebody who forgot theirs or, with second_factor, lost their phone. The password changes when the link is used; earlier links end.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'users.write' },
  needsProof: true,
  input,
  output: z.object({ user: z.string(), name: z.string(), link: z.string(), expires_at: z.string() }),
  targets: async ({ tx, caller }, input) => [userTarget(await planReset(tx, caller, input))],
  plan: async (_, input, targets) => ({
    summary: `Make a link with which ${targets[0]?.name} sets a new password${input.second_factor ? ' and loses the second factor' : ''}.`,
    irreversible: [],
  }),
  async run({ tx, caller, now, newId, services }, input) {
    const user = await planReset(tx, caller, input)
    const link = services.credentials.makeLink('reset')
    const expiresAt = new Date(now().getTime() + input.expires_in)
    await tx.run(
      query
        .updateTable('password_resets')
        .set({ used_at: now() })
        .where('user_id', '=', user.id)
        .where('used_at', 'is', null),
    )
    await tx.run(
      query.insertInto('password_resets').values({
        id: newId(),
        partner_id: caller.partnerId,
        organization_id: user.organizationId,
        user_id: user.id,
        created_by: caller.user.id,
        clears_factors: input.second_factor,
        hash: link.hash,
        created_at: now(),
        expires_at: expiresAt,
      }),
    )
    return { user: user.id, name: user.name, link: link.url, expires_at: expiresAt.toISOString() }
  },
  present: (made) => ({
    text: `Link for ${made.name}, until ${made.expires_at}, shown only now: ${made.link}`,
    data: made,
  }),
})

async function planReset(tx: Tx, caller: Caller, input: Input): Promise<UserFacts> {
  const user = await findUser(tx, caller, 'users.write', input.user)
  if (isDelegated(caller.credential)) {
    throw forbidden("A key can't give passwords.", 'Do it in person, at the console or on the server.')
  }
  // A password is no right: one may have a new one of one's own. A second factor protects from whoever sits here.
  if (user.id === caller.user.id && input.second_factor) throw ownRights()
  const held = await assignmentsOf(tx, [user.id])
  requireAtLeast(caller, held)
  requireScopesFor(caller, held)
  if (user.kind === 'service') {
    throw invalidInput('A service user has no password.', 'Make an API key for it instead.')
  }
  if (user.disabled) throw conflict(`${user.name} is disabled.`, 'Enable them first (update_user).')
  return user
}
