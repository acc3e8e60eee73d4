import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { CHECKS } from '../checks/all.ts'
import { DEFAULT_RULES } from '../checks/check.ts'
import { type Framework, MEASURES, severityOf } from '../frameworks/framework.ts'
import { findFramework } from '../lookup.ts'

const count = z.number().int()

export default defineTool({
  name: 'list_frameworks',
  title: 'List frameworks',
  description:
    'The compliance frameworks, with how many of their controls are measured, partly measured, or need attestation; with one named, all its controls, what is seen of each and by which checks. Reads only.',
  area: 'compliance',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 1, permission: 'compliance.read' },
  input: z.object({
    framework: z.string().min(1).max(200).optional().describe('Id or name: lists its controls.'),
  }),
  output: z.object({
    frameworks: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        publisher: z.string(),
        version: z.string(),
        organization: z.string().nullable().describe('Id; null: for every organization.'),
        own: z.boolean(),
        controls: z.object({ measured: count, partly: count, attestation: count }),
      }),
    ),
    total: count,
    controls: z
      .array(
        z.object({
          id: z.string(),
          title: z.string(),
          measure: z.enum(MEASURES),
          severity: z.string().nullable(),
          checks: z.array(z.string()),
          devices: z.string(),
          statement: z.string(),
        }),
      )
      .optional(),
    checks: z.array(
      z.object({ id: z.string(), title: z.string(), severity: z.string(), passes: z.string(), version: count }),
    ),
  }),
  async run({ caller, services }, { framework }) {
    const { policies } = services.compliance
    const named = framework === undefined ? null : findFramework(policies, caller, framework)
    return { frameworks: named ? [named] : policies.frameworks(caller), named }
  },
  present({ frameworks, named }) {
    return {
      text: [
        ...frameworks.map((framework) => {
          const { measured, partly, attestation } = countsOf(framework)
          return `${framework.name} ${framework.version} (${framework.id}): ${measured} controls measured, ${partly} partly, ${attestation} need attestation`
        }),
        ...(named?.controls ?? []).map(
          ({ id, title, measure, statement }) => `${id} ${title}: ${measure}. ${statement}`,
        ),
      ].join('\n'),
      data: {
        frameworks: frameworks.map((framework) => ({
          id: framework.id,
          name: framework.name,
          publisher: framework.publisher,
          version: framework.version,
          organization: framework.owner?.organizationId ?? null,
          own: framework.owner !== null,
          controls: countsOf(framework),
        })),
        total: frameworks.length,
        ...(named && {
          controls: named.controls.map((control) => ({
            id: control.id,
            title: control.title,
            measure: control.measure,
            severity: control.checks.length === 0 ? null : severityOf(control),
            checks: [...control.checks],
            devices: control.devices ?? 'all',
            statement: control.statement,
          })),
        }),
        checks: CHECKS.map(({ id, title, severity, passes, version }) => ({
          id,
          title,
          severity,
          passes: passes(DEFAULT_RULES),
          version,
        })),
      },
    }
  },
})

function countsOf({ controls }: Framework) {
  const of = (measure: string): number => controls.filter((control) => control.measure === measure).length
  return { measured: of('measured'), partly: of('partly'), attestation: of('attestation') }
}
