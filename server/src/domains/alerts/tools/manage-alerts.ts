import { z } from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import {
  actOutput,
  ALERT_ACTS,
  type AlertAct,
  chooseAlerts,
  idsField,
  noteField,
  planAct,
  presentAct,
  runAct,
} from '../acts.ts'
import { listingInput, listingOutput, presentListing, readListing } from '../listing.ts'

const acting = { tier: 2, permission: 'alerts.write' } as const

const input = listingInput
  .omit({ sort: true, site: true, source: true, group_by: true, suppressed: true, text: true })
  .extend({
    action: z.enum(['list', ...ALERT_ACTS]),
    ids: idsField.optional(),
    note: noteField.optional(),
  })
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_alerts',
  title: 'Manage alerts',
  description:
    'Lists, acknowledges, resolves, escalates or unacknowledges alerts, by ids or filters. Escalating tells those of the next step; the severity stays. get_alerts, acknowledge_alerts and resolve_alerts do the same with more choices.',
  area: 'alerts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      list: { tier: 1, permission: 'alerts.read' },
      acknowledge: { ...acting, idempotent: true },
      resolve: { ...acting, idempotent: true },
      escalate: acting,
      unacknowledge: { ...acting, idempotent: true },
    },
  },
  input,
  output: z.object({
    ...listingOutput.partial().shape,
    ...actOutput.partial().shape,
    alerts: z.array(z.looseObject({ id: z.string() })),
  }),
  async targets(context, input) {
    return input.action === 'list' ? [] : chooseAlerts(context, input.action, choice(input))
  },
  plan: async (_, { action }, targets) => planAct(actOf(action), targets),
  async run(context, input, targets) {
    if (input.action !== 'list') return { outcome: await runAct(context, input.action, input, targets) }
    if (input.ids) throw invalidInput('ids: list takes filters.')
    return { list: await readListing(context, input) }
  },
  present: ({ outcome, list }, input) => (outcome ? presentAct(outcome) : presentListing(list, input)),
})

function actOf(action: Input['action']): AlertAct {
  if (action === 'list') throw new Error('a list has no plan')
  return action
}

function choice({ ids, severity, status, organization, device, since, until, older_than }: Input) {
  const filter = { severity, status, organization, device, since, until, older_than }
  return { ids, filter: Object.values(filter).every((value) => value === undefined) ? undefined : filter }
}
