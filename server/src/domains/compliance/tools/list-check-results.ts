import { z } from 'zod'
import { listInput, listOutput, pageStart } from '../../../identity/fields.ts'
import { fenced } from '../../../kernel/content/device-text.ts'
import { makeCursor } from '../../../kernel/cursor.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { deviceId, filterFields, resolveFilter } from '../../devices/select.ts'
import { CHECK_IDS } from '../checks/all.ts'
import { UNKNOWN_REASONS } from '../checks/check.ts'
import { findControl, findFramework, requireCheck } from '../lookup.ts'
import { presentResult, resultShape, resultText } from '../present.ts'
import { listResults } from '../listing.ts'
import { STATUSES } from '../tables.ts'

const input = z.object({
  check: z.string().max(60).optional().describe('Check id; all unless check or control is given.'),
  control: z.string().min(1).max(40).optional().describe('Control number.'),
  framework: z.string().min(1).max(200).optional().describe('Of the control; CIS Controls unless given.'),
  status: z.enum(STATUSES).optional(),
  reason: z.enum(UNKNOWN_REASONS).optional().describe('Of what is unknown.'),
  device: z.string().min(1).max(255).optional().describe('Id or name.'),
  organization: filterFields.organization,
  site: filterFields.site,
  group: filterFields.group,
  ...listInput,
})

export default defineTool({
  name: 'list_check_results',
  title: 'List check results',
  description:
    'The devices behind a compliance figure: each with the status of a check or control, what was seen, where, when, and since when. Filters by status, reason, device, organization and site. Reads only.',
  area: 'compliance',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 1, permission: 'compliance.read' },
  deviceText: true,
  input,
  output: z.object({
    devices: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        organization: z.string(),
        status: z.string().describe('The worst of its checks.'),
        checks: z.array(z.object(resultShape)),
      }),
    ),
    ...listOutput,
  }),
  async run({ tx, caller, services }, asked) {
    if (asked.check !== undefined && asked.control !== undefined)
      throw invalidInput('Give either check or control.', 'A control names its checks itself.')
    if (asked.reason !== undefined && asked.status !== undefined && asked.status !== 'unknown')
      throw invalidInput('reason: only what is unknown has one.', 'Leave status out, or ask for unknown.')
    const control =
      asked.control === undefined
        ? { checks: asked.check === undefined ? CHECK_IDS : [requireCheck(asked.check).id] }
        : findControl(findFramework(services.compliance.policies, caller, asked.framework), asked.control)
    const { limit, cursor, ...binding } = asked
    const start = pageStart('check_results', binding, cursor)
    const place = await resolveFilter(tx, caller, {
      organization: asked.organization,
      site: asked.site,
      group: asked.group,
    })
    const filter = asked.device === undefined ? place : { ...place, ids: [await deviceId(tx, asked.device)] }
    const found = await listResults(
      tx,
      { control, filter, status: asked.status, reason: asked.reason },
      { limit, after: start && { name: start[0], id: start[1] } },
    )
    return { ...found, binding }
  },
  present({ devices, total, next, binding }) {
    const lines = devices.map(
      ({ name, organization, status, checks }) =>
        `${name} (${organization}): ${status}\n${checks.map((check) => `  ${resultText(check)}`).join('\n')}`,
    )
    return {
      text: [
        `${total} device${total === 1 ? '' : 's'}.`,
        ...(lines.length > 0 ? [fenced('check results', lines.join('\n'), LONGEST)] : []),
        ...(next ? ['Pass next_cursor as cursor for the next page.'] : []),
      ].join('\n'),
      data: {
        devices: devices.map((device) => ({ ...device, checks: device.checks.map(presentResult) })),
        // Exact, however many: it is one of the summary's figures.
        total,
        ...(next && { next_cursor: makeCursor('check_results', binding, [next.name, next.id]) }),
      },
    }
  },
})

const LONGEST = 12_000
