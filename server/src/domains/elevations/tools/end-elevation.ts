import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { conflict, notFound } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { isUuid } from '../../../kernel/uuid.ts'
import { organizationsWith } from '../../organizations/service.ts'
import { elevationShape, presentElevation } from '../present.ts'
import { endElevations, findElevation, isInForce, type Elevation } from '../service.ts'

export default defineTool({
  name: 'end_elevation',
  title: 'End an elevation now',
  description:
    'Ends what a key or connected client was granted for a while, before its time. Its next call is judged without it; what it has begun goes on.',
  area: 'operations',
  surfaces: ['console', 'cli'],
  actions: { tier: 2, permission: 'approvals.write', idempotent: true },
  input: z.object({ elevation: referenceField.describe('Its id.') }),
  output: z.object({ elevation: elevationShape }),
  async targets({ tx, caller }, input) {
    const found = await find(tx, caller, input.elevation)
    const name = `${found.scope} for "${found.credential_name}"`
    return [{ kind: 'setting', id: found.id, name, organizationId: found.organization_id, siteId: null }]
  },
  plan: async (_, __, targets) => ({ summary: `End ${targets[0]?.name} now.`, irreversible: [] }),
  async run({ tx, caller, now, events }, input) {
    const found = await find(tx, caller, input.elevation)
    if (!isInForce(found, now())) throw conflict('This elevation has ended already.', 'There is nothing to end.')
    const by = { id: caller.user.id, name: caller.user.name }
    await endElevations(tx, { ids: [found.id], because: 'person', by }, now())
    tx.afterCommit(() => events.publish('administration'))
    const row = (await findElevation(tx, found.id)) ?? found
    return presentElevation(row, caller.organizations, now())
  },
  present: (elevation) => ({
    text: `Ended: ${elevation.scope} at ${elevation.organization.name} for "${elevation.credential.name}".`,
    data: { elevation },
  }),
})

async function find(tx: Tx, caller: Caller, reference: string): Promise<Elevation> {
  const found = isUuid(reference) ? await findElevation(tx, reference) : undefined
  if (found && organizationsWith(caller, 'approvals.write').includes(found.organization_id)) return found
  throw notFound('elevation', reference)
}
