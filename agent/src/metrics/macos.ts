import { loadavg } from 'node:os'
import { COLLECTORS } from '../collectors/collect.ts'
import { macosProcesses } from '../platform/macos/process-table.ts'
import { runProgram } from '../platform/run-program.ts'
import { listedDisks, type MetricSource, nodeReading, share, type Traffic } from './source.ts'

export const macosMetrics: MetricSource = {
  processesEveryMs: 60_000,
  async read() {
    const { totalBytes, availableBytes, swapTotalBytes, swapFreeBytes } = await COLLECTORS.memory.collect()
    const { exitCode, stdout } = await runProgram('netstat', ['-ibn'])
    return {
      ...nodeReading(),
      memoryPercent: share(totalBytes - availableBytes, totalBytes),
      swapPercent: share(swapTotalBytes - swapFreeBytes, swapTotalBytes),
      load1: loadavg()[0] ?? null,
      traffic: exitCode === 0 ? parseNetstatInterfaces(stdout) : null,
    }
  },
  disks: listedDisks(),
  processes: macosProcesses,
}

/** Name Mtu Network Address Ipkts Ierrs Ibytes Opkts Oerrs Obytes Coll; the `<Link#n>` line of each card counts all of it. */
export function parseNetstatInterfaces(text: string): Traffic {
  const interfaces = new Map<string, { received: number; sent: number }>()
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/)
    const [name = '', , network = ''] = fields
    if (!/^en\d+$/.test(name) || !network.startsWith('<Link')) continue
    // A card without an address has one field less.
    const [received, , , sent] = fields.slice(-5).map(Number)
    if (received !== undefined && sent !== undefined) interfaces.set(name, { received, sent })
  }
  return interfaces
}
