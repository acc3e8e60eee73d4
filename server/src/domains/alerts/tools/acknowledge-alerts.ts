import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { acting, actInput } from '../acts.ts'

export default defineTool({
  name: 'acknowledge_alerts',
  title: 'Acknowledge alerts',
  description:
    'Marks alerts as seen and in hand, by ids or by a filter, such as low ones older than 48h; until a time if one is given. Answers with the number that matched and what became of each. They stay open until the condition ends or they are resolved.',
  ...acting('acknowledge'),
  input: actInput.extend({
    acknowledge_until: z
      .string()
      .trim()
      .min(1)
      .max(40)
      .describe('Then open again: a time, or a span such as 8h.')
      .optional(),
  }),
})
