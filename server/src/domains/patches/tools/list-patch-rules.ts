import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { presentRule, ruleLine, ruleShape } from '../deployment/present-rule.ts'
import { listRules } from '../deployment/rule-rows.ts'

export default defineTool({
  name: 'list_patch_rules',
  title: 'List patch rules',
  description:
    'Lists which updates are approved, after how many days, and which are blocked; a block wins over every approval. Without a rule that approves, all that is not blocked counts as approved. Reads only.',
  area: 'patches',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 1, permission: 'patches.read' },
  input: z.object({ text: z.string().min(1).max(200).optional().describe('Part of the name.'), ...listInput }),
  output: z.object({ rules: z.array(ruleShape), ...listOutput }),
  async run({ tx, caller }, { text, limit, cursor }) {
    const after = pageStart('patch_rules', { text }, cursor)
    const { rows, counted, next } = await listRules(tx, caller, { text, limit, after })
    return { rules: rows, caller, page: pageEnd('patch_rules', { text }, counted, next) }
  },
  present: ({ rules, caller, page }) => ({
    text: [`${page.total} patch rules.`, ...rules.map(ruleLine)].join('\n'),
    data: { rules: rules.map((rule) => presentRule(rule, caller)), ...page },
  }),
})
