import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { reference } from '../../devices/saved-filter.ts'
import { resolveFilter } from '../../devices/select.ts'
import { type Framework, severityOf } from '../frameworks/framework.ts'
import { findFramework } from '../lookup.ts'
import { standing, type Standing } from '../standing.ts'

const figures = z.looseObject({})

export default defineTool({
  name: 'compliance_summary',
  title: 'Summarize compliance',
  description:
    'How devices stand against a framework (CIS Controls, Essential Eight, Cyber Essentials, own): score of what was assessed and coverage in percent, failing controls worst first, what is unknown and why, waived, and what needs attestation.',
  area: 'compliance',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'compliance.read' },
  input: z.object({
    framework: reference.optional().describe('CIS Controls unless given.'),
    organization: reference.optional().describe('Id or name.'),
    site: reference.optional(),
    group: reference.optional(),
    limit: z.number().int().min(1).max(200).default(10),
  }),
  // Read by models with every list of tools: the parts of `failing` are told by its values.
  output: z.object({
    framework: z.string(),
    devices: z.number(),
    score: z.number().nullable(),
    coverage: z.number().nullable(),
    counts: figures,
    failing: z.array(z.looseObject({})),
    total_failing: z.number(),
    unknown: figures,
    controls: figures,
    evaluated_at: z.string().nullable(),
  }),
  async run({ tx, caller, services }, input) {
    const framework = findFramework(services.compliance.policies, caller, input.framework)
    const filter = await resolveFilter(tx, caller, {
      organization: input.organization,
      site: input.site,
      group: input.group,
    })
    return { framework, found: await standing(tx, framework, filter, input.limit) }
  },
  present({ framework, found }) {
    const shown = found.failing.map(({ control, counts, examples }) => ({
      control: control.id,
      title: control.title,
      severity: severityOf(control),
      devices: counts.fail,
      examples,
    }))
    const controls = {
      measured: measuredAs(framework, 'measured'),
      partly: measuredAs(framework, 'partly'),
      attestation: measuredAs(framework, 'attestation'),
    }
    return {
      text: [
        headline(framework, found),
        ...shown.map(
          (row) =>
            `${row.control} ${row.title} (${row.severity}): ${row.devices} fail, ${row.examples.join(', ')}${row.devices > row.examples.length ? ', …' : ''}`,
        ),
        ...(found.totalFailing > shown.length
          ? [`And ${found.totalFailing - shown.length} more failing controls.`]
          : []),
        ...unknownText(found),
        `Of ${framework.controls.length} controls ${controls.measured} are measured, ${controls.partly} partly, and ${controls.attestation} need attestation: no score speaks for those.`,
      ].join('\n'),
      data: {
        framework: framework.id,
        devices: found.devices,
        score: found.score,
        coverage: found.coverage,
        counts: found.counts,
        failing: shown,
        total_failing: found.totalFailing,
        unknown: Object.fromEntries(found.unknown.map(({ reason, devices }) => [reason, devices])),
        controls,
        evaluated_at: found.evaluatedAt?.toISOString() ?? null,
      },
    }
  },
})

const measuredAs = ({ controls }: Framework, measure: string): number =>
  controls.filter((control) => control.measure === measure).length

function headline({ name, version }: Framework, { devices, score, coverage, counts }: Standing): string {
  const about = `${name} ${version}, ${devices} device${devices === 1 ? '' : 's'}`
  if (coverage === null) return `${about}: nothing to assess.`
  const assessed = `${coverage} % assessed`
  const waived = counts.waived > 0 ? `, ${counts.waived} failures waived (list_waivers tells who and why)` : ''
  return score === null
    ? `${about}: no score, ${assessed}${waived}.`
    : `${about}: score ${score} % of what was assessed, ${assessed}${waived}.`
}

function unknownText({ unknown }: Standing): string[] {
  if (unknown.length === 0) return []
  const reasons = unknown.map(({ reason, devices }) => `${devices} ${reason.replaceAll('_', ' ')}`)
  return [`Unknown is neither passed nor failed. Devices with unknown checks, by reason: ${reasons.join(', ')}.`]
}
