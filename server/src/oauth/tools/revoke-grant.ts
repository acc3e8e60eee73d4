import { z } from 'zod'
import { referenceField } from '../../identity/fields.ts'
import '../../identity/services/credentials.ts'
import { findUser } from '../../identity/services/users.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { endableGrants, endGrants, type Ending, grantTargets } from '../grant-list.ts'

interface Input {
  grant?: string | undefined
  client?: string | undefined
  user?: string | undefined
}

export default defineTool({
  name: 'revoke_grant',
  title: 'Revoke OAuth grants',
  description:
    'Disconnects an assistant at once: its next call is refused, its open streams are cut and it can not renew. Name one grant, or a program or a user for all of theirs that you may end.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'keys.write', destructive: true },
  input: z.object({
    grant: referenceField.optional().describe('Id of one grant.'),
    client: z.string().trim().min(1).max(500).optional().describe('Id or name of a program: all its grants.'),
    user: referenceField.optional().describe('Id, e-mail address or name: all of theirs. "me" for your own.'),
  }),
  output: z.object({ revoked: z.number().int(), grants: z.array(z.object({ id: z.string(), client: z.string() })) }),
  targets: async ({ tx, caller, now }, input) =>
    grantTargets(caller, await endableGrants(tx, caller, await endingOf(tx, caller, input), now())),
  plan: async (_, __, targets) => {
    const grants = targets.filter((target) => target.kind === 'oauth_grant')
    const [first] = grants
    return {
      summary: grants.length === 1 ? `Disconnect ${first?.name}.` : `Disconnect ${grants.length} grants.`,
      irreversible: ['A revoked grant cannot be brought back; the assistant has to be connected again.'],
    }
  },
  async run({ tx, caller, now, services }, input) {
    const grants = await endableGrants(tx, caller, await endingOf(tx, caller, input), now())
    const own = grants.every((grant) => grant.user_id === caller.user.id)
    const ids = grants.map((grant) => grant.id)
    const gone = new Set(await endGrants(tx, ids, own ? 'user' : 'administrator', caller.user.id, now()))
    tx.afterCommit(() => services.credentials.revoked([...gone]))
    return grants.filter((grant) => gone.has(grant.id)).map((grant) => ({ id: grant.id, client: grant.client_name }))
  },
  present: (grants) => ({
    text:
      grants.length === 1
        ? `${grants[0]?.client} is disconnected and no longer opens anything.`
        : `${grants.length} grants are revoked and no longer open anything.`,
    data: { revoked: grants.length, grants },
  }),
})

async function endingOf(tx: Tx, caller: Caller, input: Input): Promise<Ending> {
  const { grant, client, user } = input
  if ([grant, client, user].filter((value) => value !== undefined).length !== 1)
    throw invalidInput('Name one of grant, client and user.', 'Send exactly one of them.')
  if (grant !== undefined) return { grant }
  if (client !== undefined) return { client }
  if (user === undefined || user === 'me') return { userId: caller.user.id }
  return { userId: (await findUser(tx, caller, 'keys.write', user)).id }
}
