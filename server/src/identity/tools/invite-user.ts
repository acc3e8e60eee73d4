import { z } from 'zod'
import { isDelegated, type Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { forbidden } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { DURATION_HELP, durationField } from '../duration.ts'
import { nameField } from '../fields.ts'
import '../services/credentials.ts'
import { insertInvitation } from '../services/invitations.ts'
import {
  belongsToField,
  describeRoles,
  homeOf,
  resolveRoles,
  roleRequestFields,
  roleTargets,
} from '../services/role-requests.ts'

const input = z.object({
  email: z.email().max(254).describe('Who may accept it; becomes their sign-in.'),
  name: nameField.optional(),
  ...roleRequestFields,
  belongs_to: belongsToField,
  expires_in: durationField('1h', '30d')
    .default(7 * 86_400_000)
    .describe(`7d unless given. ${DURATION_HELP}`),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'invite_user',
  title: 'Invite a user',
  description:
    'Invites a person with a role in organizations or at the partner, never above your own. Answers once with a link that lets them choose a password; mails it where mail is set up. An earlier invitation to the same address ends.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'users.write' },
  needsProof: true,
  input,
  output: z.object({
    id: z.string(),
    email: z.string(),
    roles: z.string(),
    link: z.string(),
    mailed: z.boolean(),
    expires_at: z.string(),
  }),
  async targets({ tx, caller }, input) {
    return roleTargets(caller, (await planInvitation(tx, caller, input)).granted)
  },
  async plan({ tx, caller }, input) {
    const { granted } = await planInvitation(tx, caller, input)
    return { summary: `Invite ${input.email} as ${describeRoles(granted)}.`, irreversible: [] }
  },
  async run({ tx, caller, now, newId, services }, input) {
    const { granted, organizationId } = await planInvitation(tx, caller, input)
    const link = services.credentials.makeLink('invitation')
    const expiresAt = new Date(now().getTime() + input.expires_in)
    const id = newId()
    const rolesText = describeRoles(granted)
    await insertInvitation(tx, caller, {
      id,
      organizationId,
      email: input.email,
      name: input.name ?? null,
      assignments: granted.assignments,
      rolesText,
      hash: link.hash,
      now: now(),
      expiresAt,
    })
    return { id, email: input.email, roles: rolesText, link: link.url, expires_at: expiresAt.toISOString() }
  },
  async settle({ services }, made) {
    const mailed = await services.mail.invitation(made.email, made.link, made.expires_at)
    return { ...made, mailed }
  },
  present: (made) => ({
    text: `Invited ${made.email} as ${made.roles}, until ${made.expires_at}. Link, shown only now: ${made.link}`,
    data: made,
  }),
})

async function planInvitation(tx: Tx, caller: Caller, input: Input) {
  // Who signs in is bound by neither a key's scopes nor its expiry nor the allow-list.
  if (isDelegated(caller.credential)) {
    throw forbidden("A key can't invite people.", 'Do it in person, at the console or on the server.')
  }
  const granted = await resolveRoles(tx, caller, [input])
  return { granted, organizationId: homeOf(caller, granted, input.belongs_to) }
}
