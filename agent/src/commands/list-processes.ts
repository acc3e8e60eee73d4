import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import { linuxProcesses } from '../platform/linux/process-table.ts'
import { macosProcesses } from '../platform/macos/process-table.ts'
import type { ProcessRow, ProcessTable } from '../platform/process-table.ts'
import { windowsProcesses } from '../platform/windows/process-table.ts'
import { inspection } from './inspection.ts'

const READERS: Partial<Record<NodeJS.Platform, (signal: AbortSignal) => Promise<ProcessTable>>> = {
  linux: linuxProcesses,
  win32: windowsProcesses,
  darwin: macosProcesses,
}

/** Command lines as they are: what in them must not be seen is the server's to mask. */
export function listProcesses(): Executor<'processes.list'> {
  return inspection({
    type: 'processes.list',
    unsupported: async () =>
      READERS[process.platform] ? undefined : `processes are not read by this agent on ${process.platform}`,
    async look(args, signal) {
      const read = READERS[process.platform]
      if (!read) throw new Error(`processes are not read by this agent on ${process.platform}`)
      return choose(await read(signal), args)
    },
    text,
  })
}

/** `total` is of all processes that match. */
export function choose({ source, rows }: ProcessTable, args: CommandArgs<'processes.list'>) {
  const wanted = args.contains?.toLowerCase()
  const matching =
    wanted === undefined
      ? rows
      : rows.filter(({ name, commandLine }) => `${name}\n${commandLine}`.toLowerCase().includes(wanted))
  const value = (row: ProcessRow) => (args.sort === 'cpu' ? (row.cpuPercent ?? -1) : row.memoryBytes)
  const sorted = [...matching].sort((a, b) => value(b) - value(a) || a.pid - b.pid)
  return { source, total: matching.length, processes: sorted.slice(0, args.limit) }
}

function text({ source, total, processes }: ResultData<'processes.list'>): string {
  const lines = processes.map(({ pid, user, cpuPercent, memoryBytes, name, commandLine }) =>
    [
      String(pid).padStart(7),
      (user ?? '?').padEnd(12),
      `${cpuPercent ?? '?'}%`.padStart(7),
      `${Math.round(memoryBytes / 1024 ** 2)} MiB`.padStart(10),
      commandLine || `[${name}]`,
    ].join(' '),
  )
  return [`${processes.length} of ${total} processes (${source})`, ...lines].join('\n')
}
