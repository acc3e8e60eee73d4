import { z } from 'zod'
import {
  listInput,
  listOutput,
  oneOrMany,
  asList,
  pageEnd,
  pageStart,
  referenceField,
} from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization } from '../../organizations/service.ts'
import { presentRule, ruleLine, ruleShape } from '../present-rule.ts'
import { listRules } from '../rule-settings.ts'
import { SIGNALS } from '../rules.ts'

export default defineTool({
  name: 'list_alert_rules',
  title: 'List alert rules',
  description:
    'Lists what raises alerts: for each rule what it watches, its condition, which devices, severity and how long it must hold. Rules of the partner hold for every organization.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: { tier: 1, permission: 'monitoring.read' },
  input: z.object({
    text: z.string().trim().min(1).max(120).optional().describe('Part of the name.'),
    source: oneOrMany(z.enum(SIGNALS)).optional(),
    organization: referenceField.optional().describe('Only its own: id or name.'),
    enabled: z.boolean().optional(),
    ...listInput,
  }),
  output: z.object({ rules: z.array(ruleShape), ...listOutput }),
  async run({ tx, caller }, input) {
    const { text, enabled, organization } = input
    const own = organization === undefined ? null : await findOrganization(tx, caller, 'monitoring.read', organization)
    const filter = { text, enabled, signals: asList(input.source), organizationId: own?.id }
    const after = pageStart('alert_rules', filter, input.cursor)
    const { rows, counted, next } = await listRules(tx, caller.partnerId, filter, { limit: input.limit, after })
    return { caller, rows, page: pageEnd('alert_rules', filter, counted, next) }
  },
  present: ({ caller, rows, page }) => ({
    text: [`${page.total} alert rules; ${rows.length} shown.`, ...rows.map((rule) => ruleLine(rule, caller))].join(
      '\n',
    ),
    data: { rules: rows.map((rule) => presentRule(rule, caller)), ...page },
  }),
})
