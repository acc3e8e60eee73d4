import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { rowAccess, type Caller } from '../../../kernel/caller.ts'
import { query, type Tx } from '../../../kernel/db.ts'
import { notFound } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { isUuid } from '../../../kernel/uuid.ts'
import '../tables.ts'

export default defineTool({
  name: 'delete_enrollment_token',
  title: 'Delete an enrollment token',
  description:
    'Ends an enrollment token at once; devices that enrolled with it stay. Use it when a token leaked or is no longer needed.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'enrollment.write', destructive: true },
  input: z.object({ token: referenceField.describe('Its id, not the secret.') }),
  output: z.object({ id: z.string(), state: z.literal('deleted') }),
  async targets({ tx, caller }, input) {
    const token = await findToken(tx, caller, input.token)
    return [
      {
        kind: 'setting',
        id: token.id,
        name: `enrollment token of ${token.organization} / ${token.site}`,
        organizationId: token.organization_id,
        siteId: token.site_id,
      },
    ]
  },
  plan: async (_, __, targets) => ({
    summary: `Delete the ${targets[0]?.name}.`,
    irreversible: ['A deleted token cannot be brought back.'],
  }),
  async run({ tx, caller }, input) {
    const token = await findToken(tx, caller, input.token)
    await tx.run(query.deleteFrom('enrollment_tokens').where('id', '=', token.id))
    return { id: token.id, state: 'deleted' as const }
  },
  present: (gone) => ({
    text: `The enrollment token ${gone.id} is deleted; nothing enrolls with it any more.`,
    data: gone,
  }),
})

async function findToken(tx: Tx, caller: Caller, reference: string) {
  const access = rowAccess(caller, 'enrollment.write')
  const found = isUuid(reference)
    ? await tx.first(
        query
          .selectFrom('enrollment_tokens as t')
          .innerJoin('organizations as o', 'o.id', 't.organization_id')
          .innerJoin('sites as s', 's.id', 't.site_id')
          .select(['t.id', 't.organization_id', 't.site_id', 'o.name as organization', 's.name as site'])
          .where('t.id', '=', reference.toLowerCase()),
      )
    : undefined
  if (found && (access.whole.includes(found.organization_id) || access.sites.includes(found.site_id))) return found
  throw notFound('enrollment token', reference)
}
