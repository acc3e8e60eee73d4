import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { codeOf } from './cluster-error.ts'

/**
 * A text that tells this run of a process from every other process that had or will have its id, or undefined when there is
 * none. A zombie counts as none: containers whose first process reaps nobody keep them for ever. See proc_pid_stat(5).
 */
export function processMark(pid: number): string | undefined {
  const stat = readProc(`/proc/${pid}/stat`)
  if (stat === undefined) return process.platform === 'linux' ? undefined : markWithoutProc(pid)
  // The command name, in brackets, may hold spaces: state is the first field after it, start time the twentieth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return `${bootId()}:${pid}:${fields[19]}`
}

/**
 * The ids of live processes whose working folder is `folder`: PostgreSQL's main process and all its children enter their data
 * folder, so this finds orphaned backends too. Needs the right to look (root, or the same user).
 */
export function processesIn(folder: string): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && workingFolder(pid) === folder && processMark(pid) !== undefined)
}

function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}

function markWithoutProc(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return undefined
  }
  return String(pid)
}

function bootId(): string {
  return readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}
