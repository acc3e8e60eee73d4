/**
 * What an agent measures of its device each minute.
 *
 * A value that can't be measured is null, never 0: a machine without swap has no swap in use, it has none. Rates and
 * processor use are averages since the sample before.
 */
import * as z from 'zod'

/** Samples in one frame. */
export const MOST_SAMPLES = 120
/** Disks in one sample. */
export const MOST_DISKS = 64
export const MOST_PROCESSES = 5
/** How long an agent keeps what the server has not acknowledged. */
export const SAMPLES_KEPT_HOURS = 24
/** The processes that use most are named where processor or memory use is at least this. */
export const HIGH_CPU_PERCENT = 75
export const HIGH_MEMORY_PERCENT = 85

const time = z.iso.datetime()
const text = (max: number) => z.string().max(max)
const percent = z.number().min(0).max(100)
const bytes = z.number().int().min(0)
const rate = z.number().min(0).max(1e15)

export const diskSample = z.object({
  mount: text(500),
  /** As `df` counts: used / (used + available). */
  usedPercent: percent,
  totalBytes: bytes,
  availableBytes: bytes,
})
export type DiskSample = z.infer<typeof diskSample>

export const processSample = z.object({
  name: text(300),
  pid: z.number().int(),
  /** Of one core, when the sample was taken and not since the one before. */
  cpuPercent: z.number().min(0).max(1e6).nullable(),
  memoryBytes: bytes.nullable(),
})
export type ProcessSample = z.infer<typeof processSample>

export const metricSample = z.object({
  /** When it was taken, by the server's time where the agent knows it. */
  at: time,
  /** Of all cores together. */
  cpuPercent: percent.nullable(),
  memoryPercent: percent.nullable(),
  /** Null without swap. */
  swapPercent: percent.nullable(),
  load1: z.number().min(0).max(1e6).nullable(),
  uptimeSeconds: z.number().min(0).max(1e10),
  disks: z.array(diskSample).max(MOST_DISKS),
  /** All physical interfaces together. */
  receivedBytesPerSecond: rate.nullable(),
  sentBytesPerSecond: rate.nullable(),
  /** Only while processor or memory use is high; the one that uses most first. */
  topProcesses: z.array(processSample).max(MOST_PROCESSES).optional(),
})
export type MetricSample = z.infer<typeof metricSample>
