/** What metrics say of devices over a window of time: figures, values step by step, and what is missing. */
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { Resolution } from './partitions.ts'
import {
  type Aggregate,
  type DeviceFigures,
  type Figures,
  figuresByDevice,
  figuresOfAll,
  type Gap,
  gapsOf,
  type MetricName,
  METRICS,
  type Question,
  type Value,
  valuesOf,
} from './read.ts'
import { floor } from './roll-up.ts'
import { pickResolution, stepFor } from './resolution.ts'

export interface MetricQuestion {
  deviceIds: readonly string[]
  metrics: readonly MetricName[]
  since: Date
  until: Date
  now: Date
  /** Null: figures only. */
  stepMs: number | null
  aggregate: Aggregate
}

export interface MetricSeries extends Figures {
  metric: MetricName
  /** Null but for the disks of one device. */
  mount: string | null
  /** Of several devices, the mean of what each had last. */
  last: number
  /** From `from` on, one for each step; null where nothing was measured. */
  values: (number | null)[] | null
}

export interface MetricAnswer {
  resolution: Resolution
  since: Date
  until: Date
  /** With values: their length, and where the first begins. */
  step: { ms: number; from: Date } | null
  series: MetricSeries[]
  byDevice: (DeviceFigures & { metric: MetricName })[]
  /** Devices without any sample in this time. */
  withoutData: string[]
  /** Metrics without any value, though there may be samples. */
  notMeasured: MetricName[]
  /** Of a single device: the longest times without a sample. */
  gaps: Gap[]
}

/** A disk or two each. */
const DISKS = 2
const MOST_GAPS = 10

export async function answerMetrics(tx: Tx, asked: MetricQuestion): Promise<MetricAnswer> {
  const until = new Date(Math.min(asked.until.getTime(), asked.now.getTime()))
  const { deviceIds, metrics, since, now } = asked
  if (since >= until) throw invalidInput('since must be before until and before now.')
  const width = deviceIds.length * (metrics.some((name) => METRICS[name].perDisk) ? DISKS : 1)
  const resolution = pickResolution({ since, until, now, width })
  if (!resolution)
    throw invalidInput(
      'That is too long a time for so many devices.',
      'Narrow the filter to fewer devices, or ask for less time.',
    )
  const question: Question = { deviceIds, since, until, resolution }
  const stepMs = asked.stepMs === null ? null : stepFor(asked.stepMs, resolution, since, until)
  const parts: Part[] = []
  for (const metric of metrics) parts.push(await partOf(tx, metric, question, { stepMs, aggregate: asked.aggregate }))
  const seen = new Set(parts.flatMap(({ byDevice }) => byDevice.map((device) => device.deviceId)))
  return {
    resolution,
    since,
    until,
    step: stepMs === null ? null : { ms: stepMs, from: new Date(floor(since.getTime(), stepMs)) },
    series: parts.flatMap((part) => part.series),
    byDevice: parts.flatMap((part) => part.byDevice),
    withoutData: deviceIds.filter((id) => !seen.has(id)),
    notMeasured: parts.filter((part) => part.series.length === 0).map((part) => part.metric),
    gaps: deviceIds.length === 1 ? await gapsOf(tx, question, MOST_GAPS) : [],
  }
}

interface Part {
  metric: MetricName
  series: MetricSeries[]
  byDevice: MetricAnswer['byDevice']
}

async function partOf(
  tx: Tx,
  metric: MetricName,
  question: Question,
  { stepMs, aggregate }: { stepMs: number | null; aggregate: Aggregate },
): Promise<Part> {
  const isOne = question.deviceIds.length === 1
  const byDevice = (await figuresByDevice(tx, metric, question)).map((figures) => ({ ...figures, metric }))
  const together = isOne ? byDevice : await togetherOf(tx, metric, question, byDevice)
  const values = stepMs === null ? [] : await valuesOf(tx, metric, question, { stepMs, aggregate, byDisk: isOne })
  const series = together.map(({ mount, avg, min, max, p95, samples, last }) => ({
    metric,
    mount,
    avg,
    min,
    max,
    p95,
    samples,
    last,
    values:
      stepMs === null
        ? null
        : onGrid(
            values.filter((value) => value.mount === mount),
            question,
            stepMs,
          ),
  }))
  return { metric, series, byDevice }
}

async function togetherOf(
  tx: Tx,
  metric: MetricName,
  question: Question,
  byDevice: readonly DeviceFigures[],
): Promise<(Figures & { mount: null; last: number })[]> {
  const figures = await figuresOfAll(tx, metric, question)
  if (!figures) return []
  const last = byDevice.reduce((sum, device) => sum + device.last, 0) / byDevice.length
  return [{ ...figures, mount: null, last }]
}

function onGrid(values: readonly Value[], { since, until }: Question, stepMs: number): (number | null)[] {
  const from = floor(since.getTime(), stepMs)
  const grid: (number | null)[] = Array.from({ length: Math.ceil((until.getTime() - from) / stepMs) }, () => null)
  for (const { at, value } of values) {
    const index = (at.getTime() - from) / stepMs
    if (index >= 0 && index < grid.length) grid[index] = value
  }
  return grid
}
