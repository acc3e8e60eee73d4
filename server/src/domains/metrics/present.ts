/** An answer about metrics in an answer's shape, no longer than a model wants to read. */
import type { MetricAnswer } from './answer.ts'
import { type Aggregate, type DeviceFigures, type MetricName, METRICS } from './read.ts'

/** Rows of devices, and series with values. */
const MOST_ROWS = 100
const MOST_DEVICES = 25
const MOST_SERIES = 16
const DECIMALS: Readonly<Record<(typeof METRICS)[MetricName]['unit'], number>> = {
  percent: 1,
  processes: 2,
  bytes: 0,
  'bytes/s': 0,
}

export interface Named {
  id: string
  name: string
}
export type ShownDevice = DeviceFigures & { metric: MetricName; name: string }

export function rounded(metric: MetricName, value: number): number {
  const factor = 10 ** DECIMALS[METRICS[metric].unit]
  return Math.round(value * factor) / factor
}

/** Of several devices, those that use most, or have least left; null where there is one, or where series were asked for. */
export function worstFirst(
  answer: MetricAnswer,
  devices: readonly Named[],
  aggregate: Aggregate,
): ShownDevice[] | null {
  if (devices.length === 1 || answer.step) return null
  const names = new Map(devices.map(({ id, name }) => [id, name]))
  const metrics = [...Map.groupBy(answer.byDevice, ({ metric }) => metric)]
  const most = Math.min(MOST_DEVICES, Math.floor(MOST_ROWS / Math.max(1, metrics.length)))
  return metrics.flatMap(([metric, figures]) => {
    const sign = metric === 'free' ? 1 : -1
    return figures
      .toSorted((a, b) => sign * (a[aggregate] - b[aggregate]))
      .slice(0, most)
      .map((one) => ({ ...one, name: names.get(one.deviceId) ?? '' }))
  })
}

export function presentMetrics(answer: MetricAnswer, devices: readonly Named[], shown: readonly ShownDevice[] | null) {
  const { resolution, until, step, gaps, withoutData } = answer
  const since = step?.from ?? answer.since
  return {
    resolution,
    since: since.toISOString(),
    until: until.toISOString(),
    series: [
      ...answer.series.slice(0, MOST_SERIES).map((series) => ({
        ...row(series),
        ...(series.values && { values: series.values.map((value) => value && rounded(series.metric, value)) }),
      })),
      ...(shown ?? []).map((one) => ({ ...row(one), device: { id: one.deviceId, name: one.name } })),
    ],
    ...(step && { step_seconds: step.ms / 1000 }),
    total: devices.length,
    without_data: withoutData.length,
    ...(gaps.length > 0 && { gaps: gaps.map(({ from, until }) => `${from.toISOString()}/${until.toISOString()}`) }),
  }
}

type Row = Record<Aggregate | 'samples', number> & { metric: MetricName; mount: string | null }

function row({ metric, mount, avg, min, max, p95, last, samples }: Row) {
  const round = (value: number): number => rounded(metric, value)
  return {
    metric,
    ...(mount !== null && { mount }),
    unit: METRICS[metric].unit,
    figures: { avg: round(avg), min: round(min), max: round(max), p95: round(p95), last: round(last), samples },
  }
}
