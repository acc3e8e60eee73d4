import { statfs } from 'node:fs/promises'
import { cpus, freemem, totalmem, uptime } from 'node:os'
import type { DiskSample } from '@breeze/contract/agent-metrics'
import { COLLECTORS } from '../collectors/collect.ts'
import { usedPercent } from '../collectors/disks.ts'
import type { SectionData } from '../collectors/section.ts'
import type { CpuTimes } from '../heartbeat.ts'
import type { ProcessTable } from '../platform/process-table.ts'

/** Counts since some start; an interface that came or went is in one reading only. */
export type Traffic = ReadonlyMap<string, { received: number; sent: number }>

/** What a system tells of itself at one moment, counters as they are. Null: it does not tell. */
export interface Reading {
  /** `performance.now()`. */
  atMs: number
  uptimeSeconds: number
  cpu: CpuTimes | null
  memoryPercent: number | null
  swapPercent: number | null
  load1: number | null
  traffic: Traffic | null
}

/** How a sample is read on one platform. */
export interface MetricSource {
  read(): Promise<Reading>
  disks(): Promise<DiskSample[]>
  processes(signal: AbortSignal): Promise<ProcessTable>
  /** Naming the processes costs something: while use stays high, they are named again after so long. */
  processesEveryMs: number
}

export const diskSample = ({ mount, totalBytes, availableBytes, usedPercent }: SectionData<'disks'>[number]) => ({
  mount,
  usedPercent,
  totalBytes,
  availableBytes,
})

export const share = (part: number, whole: number): number | null =>
  whole > 0 ? Math.round((1000 * part) / whole) / 10 : null

/** What Node tells on every platform; none of it starts a program. */
export function nodeReading(): Reading {
  const times = cpus().map((each) => each.times)
  const idle = times.reduce((sum, each) => sum + each.idle, 0)
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0)
  return {
    atMs: performance.now(),
    uptimeSeconds: uptime(),
    cpu: total > 0 ? { idle, total } : null,
    memoryPercent: share(totalmem() - freemem(), totalmem()),
    swapPercent: null,
    load1: null,
    traffic: null,
  }
}

const LIST_EVERY_MS = 900_000

/** Where listing the disks starts programs, they are listed now and then, and measured each time. */
export function listedDisks(list = () => COLLECTORS.disks.collect()): () => Promise<DiskSample[]> {
  let listed: { atMs: number; mounts: string[] } | undefined
  return async () => {
    if (!listed || performance.now() - listed.atMs > LIST_EVERY_MS) {
      const found = await list()
      listed = { atMs: performance.now(), mounts: found.map(({ mount }) => mount) }
      return found.map(diskSample)
    }
    return Promise.all(listed.mounts.map(measure))
  }
}

async function measure(mount: string): Promise<DiskSample> {
  // `C:` alone is the current folder of that drive.
  const { bsize, blocks, bfree, bavail } = await statfs(/^[A-Z]:$/i.test(mount) ? `${mount}\\` : mount)
  return {
    mount,
    usedPercent: usedPercent(blocks - bfree, bavail),
    totalBytes: blocks * bsize,
    availableBytes: bavail * bsize,
  }
}
