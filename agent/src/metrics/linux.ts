import { existsSync } from 'node:fs'
import { COLLECTORS } from '../collectors/collect.ts'
import { need, parseCpuTimes, parseMeminfo, readProcSync } from '../platform/linux.ts'
import { linuxProcesses } from '../platform/linux/process-table.ts'
import { diskSample, type MetricSource, share, type Traffic } from './source.ts'

/** A few files of /proc: far below a millisecond. */
export const linuxMetrics: MetricSource = {
  processesEveryMs: 0,
  async read() {
    const memory = parseMeminfo(readProcSync('/proc/meminfo'))
    const [total, swap] = [need(memory, 'MemTotal'), need(memory, 'SwapTotal')]
    return {
      atMs: performance.now(),
      uptimeSeconds: Number(readProcSync('/proc/uptime').split(' ')[0]),
      cpu: parseCpuTimes(readProcSync('/proc/stat')),
      memoryPercent: share(total - need(memory, 'MemAvailable'), total),
      swapPercent: share(swap - need(memory, 'SwapFree'), swap),
      load1: Number(readProcSync('/proc/loadavg').split(' ')[0]),
      traffic: physicalTraffic(parseNetDev(readProcSync('/proc/net/dev')), isPhysical),
    }
  },
  disks: async () => (await COLLECTORS.disks.collect()).map(diskSample),
  processes: linuxProcesses,
}

/** `  eth0: received … sent …`: bytes are the first of eight counts in either direction. */
export function parseNetDev(text: string): Traffic {
  const interfaces = new Map<string, { received: number; sent: number }>()
  for (const [, name = '', counts = ''] of text.matchAll(/^\s*([^\s:]+):\s*(.+)$/gm)) {
    const values = counts.trim().split(/\s+/).map(Number)
    const [received, sent] = [values[0], values[8]]
    if (received !== undefined && sent !== undefined) interfaces.set(name, { received, sent })
  }
  return interfaces
}

/** Bridges, bonds and tunnels carry again what a card has carried. A container has no card: there, all but the loopback count. */
export function physicalTraffic(all: Traffic, isPhysical: (name: string) => boolean): Traffic {
  const physical = new Map([...all].filter(([name]) => isPhysical(name)))
  return physical.size > 0 ? physical : new Map([...all].filter(([name]) => name !== 'lo'))
}

const isPhysical = (name: string): boolean => existsSync(`/sys/class/net/${name}/device`)
