import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { filterFields, resolveFilter } from '../../devices/select.ts'
import { DAY_MS } from '../checks/facts.ts'
import { readHistory } from '../history.ts'
import { findFramework } from '../lookup.ts'

const count = z.number().int()

export default defineTool({
  name: 'get_compliance_history',
  title: 'Get the history of compliance',
  description:
    'Score and coverage against a framework at the end of each day, for organizations or sites. Days on which nothing was judged are missing. Reads only.',
  area: 'compliance',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 1, permission: 'compliance.read' },
  input: z.object({
    framework: z.string().min(1).max(200).optional().describe('Id or name; CIS Controls unless given.'),
    organization: filterFields.organization,
    site: filterFields.site,
    days: z.number().int().min(1).max(400).default(30),
  }),
  output: z.object({
    framework: z.string(),
    days: z.array(
      z.object({
        day: z.string(),
        score: z.number().nullable(),
        coverage: z.number().nullable(),
        devices: count,
        counts: z.record(z.string(), count),
        version: z.string().describe('Of the framework then.'),
      }),
    ),
    total: count,
  }),
  async run({ tx, caller, now, services }, input) {
    const framework = findFramework(services.compliance.policies, caller, input.framework)
    const filter = await resolveFilter(tx, caller, { organization: input.organization, site: input.site })
    const since = new Date(now().getTime() - (input.days - 1) * DAY_MS)
    return { framework, days: await readHistory(tx, framework, filter, since) }
  },
  present({ framework, days }) {
    return {
      text: [
        `${framework.name}: ${days.length} days.`,
        ...days.map(({ day, score, coverage }) => `${day}: score ${percent(score)}, assessed ${percent(coverage)}`),
      ].join('\n'),
      data: { framework: framework.id, days, total: days.length },
    }
  },
})

const percent = (value: number | null): string => (value === null ? 'none' : `${value} %`)
