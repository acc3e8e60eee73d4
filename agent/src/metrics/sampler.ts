import {
  type DiskSample,
  HIGH_CPU_PERCENT,
  HIGH_MEMORY_PERCENT,
  type MetricSample,
  MOST_DISKS,
  MOST_PROCESSES,
  type ProcessSample,
} from '@breeze/contract/agent-metrics'
import { clip } from '../collectors/section.ts'
import { busyPercent } from '../heartbeat.ts'
import { errorText, type Log } from '../log.ts'
import { within } from '../patience.ts'
import type { ProcessRow } from '../platform/process-table.ts'
import { linuxMetrics } from './linux.ts'
import { macosMetrics } from './macos.ts'
import { type MetricSource, nodeReading, type Reading } from './source.ts'
import { windowsMetrics } from './windows.ts'

export function platformSource(): MetricSource {
  if (process.platform === 'win32') return windowsMetrics
  return process.platform === 'darwin' ? macosMetrics : linuxMetrics
}

const DISKS_PATIENCE_MS = 5000
const PROCESSES_PATIENCE_MS = 30_000

/** Takes samples: what was used since the one before, and what is there now. */
export class Sampler {
  readonly #source: MetricSource
  readonly #now: () => number
  readonly #log: Log
  #before: Reading | undefined
  #isReadingDisks = false
  #namedAtMs = -Infinity
  readonly #failed = new Set<string>()

  /** `now`: the server's time, as far as it is known. */
  constructor(source: MetricSource, now: () => number, log: Log) {
    this.#source = source
    this.#now = now
    this.#log = log
  }

  /** From where the first sample counts. */
  async begin(): Promise<void> {
    this.#before = await this.#try('counters', this.#source.read())
  }

  async take(): Promise<MetricSample> {
    const reading = (await this.#try('counters', this.#source.read())) ?? { ...nodeReading(), ...NOTHING }
    const at = new Date(this.#now()).toISOString()
    const before = this.#before
    this.#before = reading
    const disks = await this.#disks()
    const figures = figuresOf(before, reading)
    const topProcesses = isHigh(figures) ? await this.#topProcesses(figures) : undefined
    return { at, ...figures, disks, ...(topProcesses && { topProcesses }) }
  }

  /** One that hangs is not asked again until it answers: each attempt would tie up a thread for good. */
  async #disks(): Promise<DiskSample[]> {
    if (this.#isReadingDisks) return []
    this.#isReadingDisks = true
    const reading = this.#source.disks().finally(() => {
      this.#isReadingDisks = false
    })
    const disks = await this.#try('disks', within(reading, DISKS_PATIENCE_MS))
    return (disks ?? []).slice(0, MOST_DISKS)
  }

  async #topProcesses(figures: Figures): Promise<ProcessSample[] | undefined> {
    if (performance.now() - this.#namedAtMs < this.#source.processesEveryMs) return undefined
    this.#namedAtMs = performance.now()
    const table = await this.#try('processes', this.#source.processes(AbortSignal.timeout(PROCESSES_PATIENCE_MS)))
    return table && topOf(table.rows, isBusy(figures) ? 'cpu' : 'memory')
  }

  /** A failure is told when it begins, not each minute. */
  async #try<T>(what: string, work: Promise<T>): Promise<T | undefined> {
    try {
      const result = await work
      this.#failed.delete(what)
      return result
    } catch (error) {
      if (!this.#failed.has(what)) this.#log('metrics_unreadable', { what, message: errorText(error) })
      this.#failed.add(what)
      return undefined
    }
  }
}

const NOTHING = { cpu: null, memoryPercent: null, swapPercent: null, load1: null, traffic: null }

type Figures = Omit<MetricSample, 'at' | 'disks' | 'topProcesses'>

export function figuresOf(before: Reading | undefined, after: Reading): Figures {
  const rates = before ? ratesOf(before, after) : null
  return {
    cpuPercent: before ? busyPercent(before.cpu, after.cpu) : null,
    memoryPercent: after.memoryPercent,
    swapPercent: after.swapPercent,
    load1: after.load1,
    uptimeSeconds: Math.max(0, after.uptimeSeconds),
    receivedBytesPerSecond: rates?.received ?? null,
    sentBytesPerSecond: rates?.sent ?? null,
  }
}

/** An interface whose counter began anew, or that is in one reading only, tells nothing about the time between. */
function ratesOf(before: Reading, after: Reading): { received: number; sent: number } | null {
  const seconds = (after.atMs - before.atMs) / 1000
  if (!before.traffic || !after.traffic || seconds <= 0) return null
  let [received, sent, known] = [0, 0, 0]
  for (const [name, now] of after.traffic) {
    const then = before.traffic.get(name)
    if (!then || now.received < then.received || now.sent < then.sent) continue
    received += now.received - then.received
    sent += now.sent - then.sent
    known += 1
  }
  return known > 0 ? { received: Math.round(received / seconds), sent: Math.round(sent / seconds) } : null
}

const isBusy = ({ cpuPercent }: Figures): boolean => (cpuPercent ?? 0) >= HIGH_CPU_PERCENT
const isHigh = (figures: Figures): boolean => isBusy(figures) || (figures.memoryPercent ?? 0) >= HIGH_MEMORY_PERCENT

export function topOf(rows: readonly ProcessRow[], by: 'cpu' | 'memory'): ProcessSample[] {
  const value = (row: ProcessRow): number => (by === 'cpu' ? (row.cpuPercent ?? -1) : row.memoryBytes)
  return rows
    .toSorted((a, b) => value(b) - value(a) || a.pid - b.pid)
    .slice(0, MOST_PROCESSES)
    .map(({ name, pid, cpuPercent, memoryBytes }) => ({ name: clip(name, 300), pid, cpuPercent, memoryBytes }))
}
