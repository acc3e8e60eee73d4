import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { filterFields, resolveFilter } from '../../devices/select.ts'
import { type Framework, severityOf } from '../frameworks/framework.ts'
import { findFramework } from '../lookup.ts'
import { standing, type Standing } from '../standing.ts'

const count = z.number().int()

export default defineTool({
  name: 'compliance_summary',
  title: 'Summarize compliance',
  description:
    'How devices stand against a framework (CIS Controls, Essential Eight, Cyber Essentials, own ones): score and coverage, failing controls worst first with devices, what is unknown and why, waived, and what no device can tell. Reads only.',
  area: 'compliance',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'compliance.read' },
  input: z.object({
    framework: z.string().min(1).max(200).optional().describe('Id or name; CIS Controls unless given.'),
    organization: filterFields.organization,
    site: filterFields.site,
    group: filterFields.group,
    limit: z.number().int().min(1).max(200).default(10).describe('Failing controls.'),
  }),
  output: z.object({
    framework: z.object({ id: z.string(), name: z.string(), version: z.string() }),
    devices: count,
    score: z.number().nullable().describe('Percent of what was assessed; null: nothing was.'),
    coverage: z.number().nullable().describe('Percent assessed.'),
    counts: z.record(z.string(), count).describe('Devices × controls.'),
    failing: z.array(
      z.object({
        control: z.string(),
        title: z.string(),
        severity: z.string(),
        devices: count,
        examples: z.array(z.string()),
      }),
    ),
    total_failing: count,
    unknown: z.array(z.object({ reason: z.string(), devices: count, checks: z.array(z.string()) })),
    controls: z.object({ measured: count, partly: count, attestation: count }),
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
        framework: { id: framework.id, name: framework.name, version: framework.version },
        devices: found.devices,
        score: found.score,
        coverage: found.coverage,
        counts: found.counts,
        failing: shown,
        total_failing: found.totalFailing,
        unknown: found.unknown,
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
