import { type ProcessRow, processRow, type ProcessTable } from '../process-table.ts'
import { runProgram } from '../run-program.ts'

/** `args` is last, because it may hold anything; `comm` is not asked for, because nothing would end it. */
const COLUMNS = 'pid=,ppid=,stat=,pcpu=,rss=,user=,lstart=,args='
const MAX_BYTES = 16_000_000

export async function macosProcesses(): Promise<ProcessTable> {
  // Twice the width: with one, a terminal's width would cut the lines.
  const { stdout, exitCode } = await runProgram('/bin/ps', ['-axww', '-o', COLUMNS], { maxBytes: MAX_BYTES })
  if (exitCode !== 0) throw new Error(`ps ended with ${exitCode}`)
  return { source: 'ps, processor use as its average of the last minute', rows: parsePs(stdout) }
}

const STATES: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  I: 'idle',
  U: 'waiting for disk',
  T: 'stopped',
  Z: 'zombie',
}

/** In the C locale `lstart` is five words: `Wed Nov 25 22:22:19 2026`, local time. */
const LINE = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+([\d.]+)\s+(\d+)\s+(\S+)\s+\w{3} (\w{3}\s+\d+ \d\d:\d\d:\d\d \d{4})\s+(.*)$/

export function parsePs(stdout: string): ProcessRow[] {
  const rows: ProcessRow[] = []
  for (const line of stdout.split('\n')) {
    const [, pid, parent, state = '', cpu, kilobytes, user = '', started = '', args = ''] = LINE.exec(line) ?? []
    if (pid === undefined) continue
    const time = new Date(started)
    rows.push(
      processRow({
        pid: Number(pid),
        parent: Number(parent),
        name: nameOf(args),
        commandLine: args,
        user,
        state: STATES[state.slice(0, 1)] ?? 'unknown',
        cpuPercent: Number(cpu),
        memoryBytes: Number(kilobytes) * 1024,
        startedAt: Number.isNaN(time.getTime()) ? null : time.toISOString(),
      }),
    )
  }
  return rows
}

/** A program's path may hold blanks (`/Applications/Some App.app/…`): up to the first option it is the program. */
function nameOf(args: string): string {
  const program = args.split(/ (?=-)/)[0] ?? args
  // A login shell has a dash before its name.
  return program.slice(program.lastIndexOf('/') + 1).replace(/^-/, '') || program
}
