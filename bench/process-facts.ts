/** What Linux tells of a process. See proc_pid_stat(5), proc_pid_smaps_rollup(5). */
import { readdirSync, readFileSync } from 'node:fs'

const MICROSECONDS_PER_TICK = 10_000
const PID = /^\d+$/

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Gone between listing and reading, which is as good as never listed.
    return undefined
  }
}

/** The fields behind the command's name, which may hold anything: [0] is the state, [1] the parent. */
function statFields(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => PID.test(name))
    .map(Number)
    .filter((pid) => Number(statFields(pid)?.[1]) === parent)
}

/** User and system time since the process began; `withReaped` adds that of children it has waited for. */
export function cpuMicroseconds(pid: number, withReaped = false): number {
  const fields = statFields(pid) ?? []
  const wanted = fields.slice(11, withReaped ? 15 : 13)
  return wanted.reduce((sum, ticks) => sum + Number(ticks), 0) * MICROSECONDS_PER_TICK
}

/** Of all its threads, exact where `cpuMicroseconds` counts in steps of 10 ms. See Documentation/scheduler/sched-stats. */
export function exactCpuMicroseconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.map((thread) => Number(read(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0] ?? 0))
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1000
}

/** Of a process and all its children, those already gone included. */
export function treeCpuMicroseconds(root: number): number {
  return childrenOf(root).reduce((sum, pid) => sum + cpuMicroseconds(pid), cpuMicroseconds(root, true))
}

export function residentBytes(pid: number): number {
  return kibibytes(read(`/proc/${pid}/status`), 'VmRSS')
}

/** The most it ever had. */
export function peakBytes(pid: number): number {
  return kibibytes(read(`/proc/${pid}/status`), 'VmHWM')
}

/** Shared pages counted once over all processes: PostgreSQL's are mostly shared. */
export function proportionalBytes(root: number): number {
  return [root, ...childrenOf(root)].reduce((sum, pid) => sum + kibibytes(read(`/proc/${pid}/smaps_rollup`), 'Pss'), 0)
}

function kibibytes(text: string | undefined, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text ?? '')
  return Number(match?.[1] ?? 0) * 1024
}

export function commandLineOf(pid: number): string {
  return (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ')
}
