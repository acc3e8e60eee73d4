import { z } from 'zod'
import { durationField } from '../../../identity/duration.ts'
import { asList } from '../../../identity/fields.ts'
import { deviceText } from '../../../kernel/content/device-text.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { several } from '../../devices/saved-filter.ts'
import { selectDevices, selectionFields } from '../../devices/select.ts'
import { metricsText } from '../describe.ts'
import { presentMetrics, worstFirst } from '../present.ts'
import { AGGREGATES, type MetricName } from '../read.ts'

const DAY_MS = 86_400_000
const USUAL = ['cpu', 'memory', 'disk'] as const
const CHOICES = [...USUAL, 'swap', 'load', 'received', 'sent'] as const satisfies readonly MetricName[]

export default defineTool({
  name: 'get_metrics',
  title: 'Get metrics',
  description: 'Reads metrics: figures, the busiest devices, or a series by step. Names resolution and gaps.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  deviceText: true,
  input: z.object({
    ...selectionFields,
    metrics: several(z.enum(CHOICES)).optional(),
    since: z.iso.datetime().optional().describe('UTC; else a day ago.'),
    until: z.iso.datetime().optional(),
    step: durationField('1m', '31d').optional().describe('15m, 1d.'),
    aggregate: z.enum(AGGREGATES).optional(),
  }),
  output: z.object({
    resolution: z.string(),
    since: z.string(),
    until: z.string(),
    series: z.array(
      z.object({
        metric: z.string(),
        /** Without it: of all devices together. */
        device: z.object({ id: z.string(), name: z.string() }).optional(),
        mount: deviceText(500).optional(),
        unit: z.string(),
        figures: z.object({
          avg: z.number(),
          min: z.number(),
          max: z.number(),
          p95: z.number(),
          last: z.number(),
          samples: z.number(),
        }),
        /** From `since` on, one for each step; null where nothing was measured. */
        values: z.array(z.number().nullable()).optional(),
      }),
    ),
    step_seconds: z.number().optional(),
    /** Devices asked for. */
    total: z.number(),
    without_data: z.number(),
    /** From/until. */
    gaps: z.array(z.string()).optional(),
  }),
  async run({ tx, caller, services, now }, input) {
    const devices = await selectDevices(tx, caller, input)
    const at = now()
    const until = input.until === undefined ? at : new Date(input.until)
    const answer = await services.metrics.ask(tx, {
      deviceIds: devices.map((device) => device.id),
      metrics: [...new Set(asList(input.metrics) ?? USUAL)],
      since: input.since === undefined ? new Date(until.getTime() - DAY_MS) : new Date(input.since),
      until,
      now: at,
      stepMs: input.step ?? null,
      aggregate: input.aggregate ?? 'avg',
    })
    return { answer, devices, shown: worstFirst(answer, devices, input.aggregate ?? 'avg') }
  },
  present({ answer, devices, shown }, input) {
    return {
      text: metricsText(answer, devices, shown, input.aggregate ?? 'avg'),
      data: presentMetrics(answer, devices, shown),
    }
  },
})
