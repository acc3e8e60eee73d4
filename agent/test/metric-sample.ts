import type { MetricSample } from '@breeze/contract/agent-metrics'

export const metricSampleAt = (at: string, more: Partial<MetricSample> = {}): MetricSample => ({
  at,
  cpuPercent: 10,
  memoryPercent: 20,
  swapPercent: null,
  load1: 0.5,
  uptimeSeconds: 100,
  disks: [],
  receivedBytesPerSecond: 0,
  sentBytesPerSecond: 0,
  ...more,
})
