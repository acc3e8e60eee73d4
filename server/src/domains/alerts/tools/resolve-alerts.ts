import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { actOutput, chooseAlerts, idsField, noteField, planAct, presentAct, runAct } from '../acts.ts'
import { chosenAlerts } from '../filter.ts'

export default defineTool({
  name: 'resolve_alerts',
  title: 'Resolve alerts',
  description:
    'Closes alerts by ids or by a filter, with a note of what was done. Says of each whether its condition still holds: then it opens again. Answers with the number that matched and what became of each.',
  area: 'alerts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 2, permission: 'alerts.write', idempotent: true },
  input: z.object({
    ids: idsField.optional(),
    filter: chosenAlerts.optional().describe('Instead of ids, as in get_alerts:'),
    note: noteField.optional(),
  }),
  output: actOutput,
  targets: (context, input) => chooseAlerts(context, 'resolve', input),
  plan: async (_, __, targets) => planAct('resolve', targets),
  run: (context, input, targets) => runAct(context, 'resolve', input, targets),
  present: presentAct,
})
