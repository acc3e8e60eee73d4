import { freemem, totalmem, uptime } from 'node:os'
import { need, parseCpuTimes, parseMeminfo, readProcSync } from './platform/linux.ts'

export interface Vitals {
  uptimeSeconds: number
  cpuPercent: number | null
  memoryPercent: number | null
}

/** What every heartbeat carries: a few reads of /proc, far below a millisecond each. */
export class VitalsReader {
  #previous = cpuTimes()

  /** CPU use since the last call; null while no time has passed, or where the system tells nothing comparable. */
  read(): Vitals {
    const current = cpuTimes()
    const previous = this.#previous
    this.#previous = current
    return {
      uptimeSeconds: uptimeSeconds(),
      cpuPercent: busyPercent(previous, current),
      memoryPercent: memoryPercent(),
    }
  }
}

/** In any unit, since some start. */
export type CpuTimes = { idle: number; total: number }

export function busyPercent(before: CpuTimes | null | undefined, after: CpuTimes | null | undefined): number | null {
  if (!before || !after || after.total <= before.total) return null
  // iowait may run backwards (proc_stat(5)), hence the bounds.
  const idle = Math.min(Math.max(after.idle - before.idle, 0), after.total - before.total)
  return round(100 * (1 - idle / (after.total - before.total)))
}

function cpuTimes(): CpuTimes | undefined {
  return process.platform === 'linux' ? parseCpuTimes(readProcSync('/proc/stat')) : undefined
}

function memoryPercent(): number {
  if (process.platform !== 'linux') return round(100 * (1 - freemem() / totalmem()))
  const values = parseMeminfo(readProcSync('/proc/meminfo'))
  return round(100 * (1 - need(values, 'MemAvailable') / need(values, 'MemTotal')))
}

function uptimeSeconds(): number {
  return process.platform === 'linux' ? Number(readProcSync('/proc/uptime').split(' ')[0]) : uptime()
}

function round(percent: number): number {
  return Math.round(percent * 10) / 10
}
