import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessInfo {
  pid: number
  state: string
  parent: number
  group: number
  session: number
  /** Clock ticks after boot: with the pid it names one process for ever. */
  startTime: string
}

/**
 * One pass over /proc. Synchronous on purpose: a hundred processes take a few milliseconds, and between two reads of a
 * slower pass a forking tree would change under it.
 */
export function readProcesses(): ProcessInfo[] {
  const processes: ProcessInfo[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const info = readProcess(Number(name))
    if (info) processes.push(info)
  }
  return processes
}

export function readProcess(pid: number): ProcessInfo | undefined {
  const text = readGone(`/proc/${pid}/stat`)?.toString('utf8')
  if (text === undefined) return undefined
  // The command's name may hold spaces and parentheses; the fields begin after the last one (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state = '', parent = '0', group = '0', session = '0'] = fields
  return {
    pid,
    state,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTime: fields[19] ?? '',
  }
}

/** `entry` is `NAME=value`, as given at exec time. */
export function hasEnvironment(pid: number, entry: string): boolean {
  const environment = readGone(`/proc/${pid}/environ`)
  if (!environment) return false
  const at = environment.indexOf(entry)
  if (at === -1) return false
  const startsField = at === 0 || environment[at - 1] === 0
  return startsField && (environment[at + entry.length] ?? 0) === 0
}

/** Undefined for a process that ended in between, or that is not ours to read. */
function readGone(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined
    throw error
  }
}
