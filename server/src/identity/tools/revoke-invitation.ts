import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { conflict } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { referenceField } from '../fields.ts'
import { findInvitation, revokeInvitation, type InvitationFacts } from '../services/invitations.ts'

const input = z.object({ invitation: referenceField.describe('Id, or the e-mail address of a pending one.') })

export default defineTool({
  name: 'revoke_invitation',
  title: 'Revoke an invitation',
  description: 'Withdraws an invitation that has not been accepted: its link opens nothing any more.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'users.write', idempotent: true },
  input,
  output: z.object({ id: z.string(), email: z.string(), revoked: z.boolean() }),
  async targets({ tx, caller, now }, input) {
    const { id, email, organizationId } = await planRevocation(tx, caller, input.invitation, now())
    return [{ kind: 'setting', id, name: `the invitation of ${email}`, organizationId, siteId: null }]
  },
  plan: async (_, _input, targets) => ({ summary: `Withdraw ${targets[0]?.name}.`, irreversible: [] }),
  async run({ tx, caller, now }, input) {
    const { id, email } = await planRevocation(tx, caller, input.invitation, now())
    await revokeInvitation(tx, id, now())
    return { id, email, revoked: true }
  },
  present: (done) => ({ text: `The invitation of ${done.email} is withdrawn.`, data: done }),
})

async function planRevocation(tx: Tx, caller: Caller, reference: string, now: Date): Promise<InvitationFacts> {
  const found = await findInvitation(tx, caller, reference, now)
  if (found.state !== 'accepted') return found
  throw conflict(`${found.email} has accepted this invitation.`, 'Disable the user instead (update_user).')
}
