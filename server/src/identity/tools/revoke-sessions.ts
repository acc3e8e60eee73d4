import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { referenceField } from '../fields.ts'
import '../services/credentials.ts'
import { requireAtLeast } from '../services/roles.ts'
import { endSessions, userOfSession } from '../services/sessions.ts'
import { assignmentsOf, findUser, userTarget, type UserFacts } from '../services/users.ts'

const input = z.object({
  user: referenceField.optional().describe('All sessions of this person: id, e-mail address or name.'),
  session: referenceField.optional().describe('Only this one, by id.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'revoke_sessions',
  title: 'End console sessions',
  description:
    'Signs a person out at the console: everywhere, or of one session. Takes effect at once. Keys and connected assistants are not touched; disable the user to end those too.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'users.write', idempotent: true },
  input,
  output: z.object({ user: z.string(), name: z.string(), ended: z.number().int() }),
  targets: async ({ tx, caller, now }, input) => [userTarget(await planEnd(tx, caller, input, now()))],
  plan: async (_, input, targets) => ({
    summary: `Sign ${targets[0]?.name} out ${input.session === undefined ? 'everywhere' : 'of one session'}.`,
    irreversible: [],
  }),
  async run({ tx, caller, now, services }, input) {
    const user = await planEnd(tx, caller, input, now())
    const which = input.session === undefined ? {} : { only: input.session.toLowerCase() }
    const ended = await endSessions(tx, user.id, now(), which)
    tx.afterCommit(() => services.credentials.revoked(ended))
    return { user: user.id, name: user.name, ended: ended.length }
  },
  present: (done) => ({ text: `Ended ${done.ended} sessions of ${done.name}.`, data: done }),
})

async function planEnd(tx: Tx, caller: Caller, input: Input, now: Date): Promise<UserFacts> {
  if ((input.user === undefined) === (input.session === undefined)) {
    throw invalidInput('Name either a user or a session.')
  }
  const reference = input.user ?? (await userOfSession(tx, caller, input.session ?? '', now))
  const user = await findUser(tx, caller, 'users.write', reference)
  requireAtLeast(caller, await assignmentsOf(tx, [user.id]))
  return user
}
