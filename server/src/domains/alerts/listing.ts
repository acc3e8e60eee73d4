/** The list of alerts as tools answer it. */
import { z } from 'zod'
import { listInput, listOutput } from '../../identity/fields.ts'
import { fewOrganizations } from '../../kernel/caller.ts'
import type { Presentation, TransactionContext } from '../../kernel/tool.ts'
import { ALERT_ORDERS } from './cursor.ts'
import { chosenAlerts, resolveAlertFilter, unfolds } from './filter.ts'
import { GROUPINGS } from './groups.ts'
import { type AlertList, listAlerts } from './list.ts'
import { alertShape, attentionOf, countsShape, groupShape, listText, presentAlert, presentGroup } from './present.ts'

export const listingInput = z.object({
  ...chosenAlerts.shape,
  text: z.string().trim().min(1).max(200).optional().describe('In titles and names of devices.'),
  group_by: z.enum(GROUPINGS).optional(),
  sort: z.enum(ALERT_ORDERS).optional(),
  ...listInput,
})
type Input = Partial<z.output<typeof listingInput>>

export const listingOutput = z.object({
  alerts: z.array(alertShape),
  counts: countsShape,
  suppressed: z.object({ parent: z.number().int(), maintenance: z.number().int() }).optional(),
  groups: z.array(groupShape).optional(),
  attention: z.array(groupShape).optional().describe('Devices, the worst first.'),
  ...listOutput,
})

export async function readListing({ tx, caller, now }: TransactionContext, input: Input): Promise<AlertList> {
  const named = await resolveAlertFilter(tx, caller, now(), input)
  // Row-level security says the same; named, the few organizations of a narrow caller are found by their index.
  const filter = { ...named, organizationIds: named.organizationIds ?? fewOrganizations(caller), text: input.text }
  // What is over is history.
  const order = input.sort ?? (filter.statuses.includes('resolved') ? 'newest' : 'worst')
  const page = {
    limit: input.limit ?? 25,
    cursor: input.cursor,
    order,
    groupBy: input.group_by,
    unfold: unfolds(input),
  }
  return listAlerts(tx, filter, page)
}

export function presentListing(
  list: AlertList,
  { group_by: groupBy, status }: Input,
): Presentation<z.input<typeof listingOutput>> {
  const groups = list.groups.map(presentGroup)
  const attention = attentionOf(list.groups).map(presentGroup)
  const hidden = list.folded.parent + list.folded.maintenance > 0
  return {
    text: listText(list, groupBy, status === undefined ? 'unresolved' : [status].flat().join(' or ')),
    data: {
      alerts: list.alerts.map(presentAlert),
      counts: list.counts,
      ...(hidden && { suppressed: list.folded }),
      ...(groupBy !== undefined && { groups }),
      ...(groupBy === undefined && groups.length > 1 && { attention }),
      total: list.total,
      ...(list.totalIsLowerBound && { total_is_lower_bound: true }),
      ...(list.cursor !== null && { next_cursor: list.cursor }),
    },
  }
}
