import { runProgram } from '../platform/run-program.ts'
import { windowsProcesses } from '../platform/windows/process-table.ts'
import { listedDisks, type MetricSource, nodeReading, type Traffic } from './source.ts'

/** Windows knows no load average, and tells the use of its page files to PowerShell only, which costs too much each minute. */
export const windowsMetrics: MetricSource = {
  processesEveryMs: 300_000,
  async read() {
    const { exitCode, stdout } = await runProgram('netstat', ['-e'])
    return { ...nodeReading(), traffic: exitCode === 0 ? parseNetstat(stdout) : null }
  },
  disks: listedDisks(),
  processes: windowsProcesses,
}

/** Its words are in the system's language; the first line with two numbers counts bytes. */
export function parseNetstat(text: string): Traffic | null {
  const [, received, sent] = /^\D+?\s(\d+)\s+(\d+)\s*$/m.exec(text) ?? []
  if (received === undefined || sent === undefined) return null
  return new Map([['all', { received: Number(received), sent: Number(sent) }]])
}
