import { defineTool } from '../../../kernel/tool.ts'
import { acting, actInput } from '../acts.ts'

export default defineTool({
  name: 'resolve_alerts',
  title: 'Resolve alerts',
  description:
    'Closes alerts by ids or by a filter, with a note of what was done. Says of each whether its condition still holds: then it opens again. Answers with the number that matched and what became of each.',
  ...acting('resolve'),
  input: actInput,
})
