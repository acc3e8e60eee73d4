import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart } from '../../../identity/fields.ts'
import { isInstant } from '../../../kernel/cursor.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { filterFields, resolveFilter } from '../../devices/select.ts'
import { requireCheck } from '../lookup.ts'
import { presentWaiver, waiverShape, waiverText } from '../present-waiver.ts'
import { listWaivers } from '../waivers.ts'

export default defineTool({
  name: 'list_waivers',
  title: 'List waivers',
  description:
    'Failures of compliance checks that somebody accepted: for what, by whom, why, until when, and how many devices it holds for now. Reads only.',
  area: 'compliance',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 1, permission: 'compliance.read' },
  input: z.object({
    organization: filterFields.organization,
    check: z.string().max(60).optional(),
    state: z.enum(['active', 'expired', 'ended']).optional(),
    ...listInput,
  }),
  output: z.object({ waivers: z.array(z.object(waiverShape)), ...listOutput }),
  async run({ tx, caller, now }, input) {
    const { limit, cursor, ...binding } = input
    const start = pageStart('waivers', binding, cursor)
    if (start && !isInstant(start[0])) throw invalidInput('cursor: not of this list.', 'Start again without a cursor.')
    const { organizationIds } = await resolveFilter(tx, caller, { organization: input.organization })
    const checkId = input.check === undefined ? undefined : requireCheck(input.check).id
    const at = now()
    const found = await listWaivers(
      tx,
      { now: at, organizationIds, checkId, state: input.state },
      { limit, after: start && { at: start[0], id: start[1] } },
    )
    return { ...found, at, binding }
  },
  present({ rows, total, next, at, binding }) {
    const waivers = rows.map((waiver) => presentWaiver(waiver, at))
    return {
      text: [`${total} waiver${total === 1 ? '' : 's'}.`, ...waivers.map(waiverText)].join('\n'),
      data: { waivers, ...pageEnd('waivers', binding, total, next && [next.at, next.id]) },
    }
  },
})
