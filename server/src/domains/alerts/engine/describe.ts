/**
 * What alerts say. Titles are ours; a thing of the device is named in them only where its name can be nothing but a name.
 * Everything else that a device wrote stands under `device_text`, cleaned and bounded.
 */
import type { MetricSample, ProcessSample } from '@breeze/contract/agent-metrics'
import { deviceWords } from '../../../kernel/content/device-text.ts'
import { cleanName } from '../../devices/device-name.ts'
import type { Metric } from '../rules.ts'

const MOST_INSTANCE = 300
/** No blanks: no sentence fits into it. */
const PLAIN = /^[\p{L}\p{N}._:@$\\/()+-]{1,80}$/u

/** As a key: what the device calls it, without what can't be seen. */
export const instanceName = (text: string): string => cleanName(text, MOST_INSTANCE) ?? '?'

/** For a title: its name, or what kind of thing it is. */
export const named = (name: string, otherwise: string): string => (PLAIN.test(name) ? name : otherwise)

export const words = (text: string, most = 300): string => deviceWords(text, most)

interface MetricFacts {
  metric: Metric
  instance: string
  value: number
  threshold: number
  label: string | undefined
  fireAfterMs: number
  sample: MetricSample
}

const UNITS: Record<Metric, string> = {
  cpu: '%',
  memory: '%',
  swap: '%',
  disk: '%',
  load: '',
  received: 'bytes/s',
  sent: 'bytes/s',
}

export function describeMetric(facts: MetricFacts) {
  const { metric, instance, value, threshold, sample, fireAfterMs } = facts
  const shown = rounded(value)
  const disk = metric === 'disk' ? sample.disks.find((one) => instanceName(one.mount) === instance) : undefined
  return {
    title: metricTitle(facts, shown),
    detail: {
      metric,
      value: shown,
      threshold,
      unit: UNITS[metric],
      ...(fireAfterMs > 0 && { held_seconds: fireAfterMs / 1000 }),
      ...(disk && { total_bytes: disk.totalBytes, available_bytes: disk.availableBytes }),
      device_text: {
        ...(disk && { mount: words(disk.mount, 500) }),
        ...(sample.topProcesses &&
          sample.topProcesses.length > 0 && { top_processes: topProcesses(sample.topProcesses) }),
      },
    },
  }
}

function metricTitle({ metric, instance, label, fireAfterMs }: MetricFacts, shown: number): string {
  const held = fireAfterMs >= 60_000 ? ` for ${duration(fireAfterMs)}` : ''
  const start = label === undefined ? '' : `${label}: `
  switch (metric) {
    case 'disk':
      return `${start}${named(instance, 'a disk')} is ${shown} % full${held}`
    case 'cpu':
      return `${start}Processor at ${shown} %${held}`
    case 'memory':
      return `${start}Memory ${shown} % used${held}`
    case 'swap':
      return `${start}Swap ${shown} % used${held}`
    case 'load':
      return `${start}Load at ${shown}${held}`
    case 'received':
    case 'sent':
      return `${start}${metric === 'sent' ? 'Sends' : 'Receives'} ${megabytes(shown)} MB/s${held}`
  }
}

const topProcesses = (processes: readonly ProcessSample[]) =>
  processes.map(({ name, pid, cpuPercent, memoryBytes }) => ({
    name: words(name, 120),
    pid,
    cpu_percent: cpuPercent,
    memory_bytes: memoryBytes,
  }))

const rounded = (value: number): number => Math.round(value * 10) / 10
const megabytes = (bytes: number): number => rounded(bytes / 1_000_000)

const STEPS = [
  { ms: 86_400_000, name: 'day' },
  { ms: 3_600_000, name: 'hour' },
  { ms: 60_000, name: 'minute' },
] as const

/** "10 minutes", "7 days": as people say it, in the largest unit that fits. */
export function duration(ms: number): string {
  const step = STEPS.find((one) => ms >= one.ms) ?? STEPS[2]
  const count = Math.round(ms / step.ms)
  return `${count} ${step.name}${count === 1 ? '' : 's'}`
}

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
