import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import {
  acknowledgeUntilField,
  actOutput,
  chooseAlerts,
  idsField,
  noteField,
  planAct,
  presentAct,
  runAct,
} from '../acts.ts'
import { chosenAlerts } from '../filter.ts'

export default defineTool({
  name: 'acknowledge_alerts',
  title: 'Acknowledge alerts',
  description:
    'Marks alerts as seen and in hand, by ids or by a filter, such as low ones older than 48h; until a time if one is given. Answers with the number that matched and what became of each. They stay open until the condition ends or they are resolved.',
  area: 'alerts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 2, permission: 'alerts.write', idempotent: true },
  input: z.object({
    ids: idsField.optional(),
    filter: chosenAlerts.optional().describe('Instead of ids, as in get_alerts:'),
    note: noteField.optional(),
    acknowledge_until: acknowledgeUntilField.optional(),
  }),
  output: actOutput,
  targets: (context, input) => chooseAlerts(context, 'acknowledge', input),
  plan: async (_, __, targets) => planAct('acknowledge', targets),
  run: (context, input, targets) => runAct(context, 'acknowledge', input, targets),
  present: presentAct,
})
