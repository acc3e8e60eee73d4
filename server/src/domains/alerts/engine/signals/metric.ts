/** Thresholds on what devices measure. Runs for every sample of every device: nothing is made where all is well. */
import type { MetricSample } from '@breeze/contract/agent-metrics'
import type { WatchedDevice } from '../../../devices/watched-devices.ts'
import type { RuleOf } from '../../rule-rows.ts'
import type { Metric } from '../../rules.ts'
import type { Severity } from '../../tables.ts'
import type { Book } from '../book.ts'
import { describeMetric, instanceName } from '../describe.ts'
import { over, type Place } from '../observation.ts'
import type { Plan } from '../plans.ts'

/** Samples come each minute. After a longer gap it is not known that a value held all the while. */
export const METRIC_GAP_MS = 300_000

const VALUES: Record<Exclude<Metric, 'disk'>, (sample: MetricSample) => number | null> = {
  cpu: (sample) => sample.cpuPercent,
  memory: (sample) => sample.memoryPercent,
  swap: (sample) => sample.swapPercent,
  load: (sample) => sample.load1,
  received: (sample) => sample.receivedBytesPerSecond,
  sent: (sample) => sample.sentBytesPerSecond,
}

/** In the order of their times. */
export function evaluateSamples(book: Book, plan: Plan, device: WatchedDevice, samples: readonly MetricSample[]): void {
  const rules = plan.of('metric')
  if (rules.length === 0) return
  const place: Place = { deviceId: device.id, organizationId: device.organizationId, siteId: device.siteId }
  for (const sample of samples) {
    const at = Date.parse(sample.at)
    for (const rule of rules) evaluate(book, rule, place, sample, at)
  }
}

function evaluate(book: Book, rule: RuleOf<'metric'>, place: Place, sample: MetricSample, at: number): void {
  const { metric, mount } = rule.condition
  if (metric === 'disk') {
    for (const disk of sample.disks) {
      if (mount === undefined || disk.mount === mount)
        measured(book, rule, place, disk.mount, disk.usedPercent, sample, at)
    }
    return
  }
  const value = VALUES[metric](sample)
  // What could not be measured says nothing.
  if (value !== null) measured(book, rule, place, '', value, sample, at)
}

function measured(
  book: Book,
  rule: RuleOf<'metric'>,
  place: Place,
  thing: string,
  value: number,
  sample: MetricSample,
  at: number,
): void {
  const { levels, metric } = rule.condition
  const least = levels.at(-1)
  if (!least) return
  if (value < least.fire && book.of(place) === undefined) return
  const instance = thing === '' ? '' : instanceName(thing)
  const fired = levels.find((level) => value >= level.fire)
  if (!fired && !book.find(rule, place, instance)) return
  const holds: Severity | null = levels.find((level) => value > level.clear)?.severity ?? null
  const describe = () =>
    describeMetric({
      metric,
      instance,
      value,
      sample,
      fireAfterMs: rule.fireAfterMs,
      threshold: (fired ?? least).fire,
      label: fired?.label,
    })
  const seen = fired ? { at, fires: fired.severity, holds, value, describe } : { ...over(at, value), holds }
  book.observe(rule, place, instance, seen, METRIC_GAP_MS)
}
