/** Metrics in sentences, for whoever reads the text alone. */
import { fenced } from '../../kernel/content/device-text.ts'
import type { MetricAnswer, MetricSeries } from './answer.ts'
import { type Named, rounded, type ShownDevice } from './present.ts'
import { type Aggregate, type MetricName, METRICS } from './read.ts'
import { inBytes, oneLine } from './words.ts'

const LABELS: Readonly<Record<MetricName, string>> = {
  cpu: 'Processor use',
  memory: 'Memory use',
  swap: 'Swap use',
  load: 'Load',
  disk: 'Disk use',
  free: 'Available on disk',
  received: 'Received',
  sent: 'Sent',
}
const KINDS: Readonly<Record<MetricAnswer['resolution'], string>> = {
  minute: 'samples of each minute',
  quarter: 'averages of 15 minutes',
  hour: 'averages of an hour',
}
const MOST_NAMES = 10
const LONGEST = 12_000

export function metricsText(
  answer: MetricAnswer,
  devices: readonly Named[],
  shown: readonly ShownDevice[] | null,
  aggregate: Aggregate,
): string {
  const { since, until, resolution } = answer
  const [only] = devices
  const whose = devices.length === 1 ? (only?.name ?? '') : `${devices.length} devices`
  return [
    `${whose}, ${short(since)} to ${short(until)} UTC, from ${KINDS[resolution]}.`,
    ...apart(answer.series, (series) => seriesText(series, answer, aggregate)),
    ...apart(shown ?? [], (device) => deviceLine(device, aggregate)),
    ...missingText(answer, devices),
  ].join('\n')
}

/** What names a mount holds words of a device. */
function apart<T extends { mount: string | null }>(items: readonly T[], say: (item: T) => string): string[] {
  const disks = items.filter(({ mount }) => mount !== null).map(say)
  const rest = items.filter(({ mount }) => mount === null).map(say)
  return disks.length === 0 ? rest : [...rest, fenced('disks', disks.join('\n'), LONGEST)]
}

function seriesText(series: MetricSeries, { step, resolution }: MetricAnswer, aggregate: Aggregate): string {
  const { metric, mount, values, samples } = series
  const say = (value: number): string => withUnit(metric, value)
  const approximate = resolution === 'minute' ? '' : ' of the averages'
  const line =
    `${label(metric, mount)}: average ${say(series.avg)}, lowest ${say(series.min)}, highest ${say(series.max)}, ` +
    `95th percentile${approximate} ${say(series.p95)}, last ${say(series.last)} (${samples} samples).`
  if (!values || !step) return line
  const list = values.map((value) => (value === null ? '-' : rounded(metric, value))).join(' ')
  return `${line}\n${aggregate} of each ${step.ms / 60_000} min from ${short(step.from)}: ${list}`
}

const deviceLine = ({ name, metric, mount, ...figures }: ShownDevice, aggregate: Aggregate): string =>
  `${name}: ${label(metric, mount).toLowerCase()} ${aggregate} ${withUnit(metric, figures[aggregate])}, last ${withUnit(metric, figures.last)}`

function missingText({ withoutData, notMeasured, gaps }: MetricAnswer, devices: readonly Named[]): string[] {
  if (withoutData.length === devices.length) return ['Nothing was measured in this time.']
  const names = devices.filter(({ id }) => withoutData.includes(id)).map(({ name }) => name)
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''
  return [
    ...(names.length > 0 ? [`Nothing was measured on ${names.slice(0, MOST_NAMES).join(', ')}${more}.`] : []),
    ...(notMeasured.length > 0 ? [`Not measured: ${notMeasured.join(', ')}.`] : []),
    ...(gaps.length > 0
      ? [`No samples: ${gaps.map(({ from, until }) => `${short(from)} to ${short(until)}`).join('; ')}.`]
      : []),
  ]
}

const label = (metric: MetricName, mount: string | null): string =>
  mount === null ? LABELS[metric] : `${LABELS[metric]} of ${oneLine(mount)}`

function withUnit(metric: MetricName, value: number): string {
  const { unit } = METRICS[metric]
  if (unit === 'percent') return `${rounded(metric, value)} %`
  if (unit === 'processes') return String(rounded(metric, value))
  return `${inBytes(value)}${unit === 'bytes/s' ? '/s' : ''}`
}

const short = (at: Date): string => at.toISOString().slice(0, 16).replace('T', ' ')
