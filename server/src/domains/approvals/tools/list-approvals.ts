import { z } from 'zod'
import {
  asList,
  listInput,
  listOutput,
  oneOrMany,
  pageEnd,
  pageStart,
  referenceField,
} from '../../../identity/fields.ts'
import { planText } from '../../../kernel/blast-radius.ts'
import { isInstant } from '../../../kernel/cursor.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization } from '../../organizations/service.ts'
import { objection } from '../deciding.ts'
import { presentRequest, requestShape, requestText } from '../present.ts'
import '../service.ts'
import { findRequest, listRequests, REQUEST_STATES } from '../requests.ts'

export default defineTool({
  name: 'list_approvals',
  title: 'List approvals',
  description:
    'Lists calls that a second person must approve or has decided, newest first, with who asked through which program and what would happen. With an approval, that one and its input. Reads only.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'operations.read' },
  byArea: true,
  input: z.object({
    approval: referenceField.optional().describe('Operation id of one request.'),
    link: z.string().max(200).optional().describe('Of the address that led to it, to be checked first.'),
    state: oneOrMany(z.enum(REQUEST_STATES)).optional(),
    organization: referenceField.optional().describe('Id or name.'),
    ...listInput,
  }),
  output: z.object({
    approvals: z.array(
      requestShape.extend({
        input: z.string().optional().describe('Of a request asked for by its id; secrets are masked.'),
        may_decide: z.boolean().optional(),
        why_not: z.string().nullable().optional(),
      }),
    ),
    ...listOutput,
  }),
  async run({ tx, caller, now, services }, input) {
    const names = new Map([...caller.organizations.values()].map(({ id, name }) => [id, name]))
    if (input.approval !== undefined) {
      if (input.link !== undefined) services.approvals.checkLink(input.approval, input.link)
      const request = await findRequest(tx, input.approval, now())
      const against = await objection(tx, caller, request)
      return { names, rows: [request], one: { against }, page: { total: 1 } }
    }
    const { organization } = input
    const filter = {
      states: asList(input.state),
      organizationId:
        organization === undefined
          ? undefined
          : (await findOrganization(tx, caller, 'operations.read', organization)).id,
    }
    const after = pageStart('approvals', filter, input.cursor)
    if (after && !isInstant(after[0])) throw invalidInput('cursor: this is not a cursor of this list.')
    const at = { now: now(), limit: input.limit, after }
    const list = await listRequests(tx, filter, at)
    return { names, rows: list.rows, one: null, page: pageEnd('approvals', filter, list.counted, list.next) }
  },
  present: ({ names, rows, one, page }) => ({
    text: [
      ...(one ? [] : [`${page.total} requests; ${rows.length} shown, newest first.`]),
      ...rows.map((row) => requestText(row) + (one ? `\n${planText(row.plan)}\nInput: ${row.input}` : '')),
    ].join('\n'),
    data: {
      approvals: rows.map((row) => ({
        ...presentRequest(row, names),
        ...(one && { input: row.input, may_decide: one.against === null, why_not: one.against?.reason ?? null }),
      })),
      ...page,
    },
  }),
})
