import { execFileSync } from 'node:child_process'
import type { ProcessInfo } from '../linux-processes.ts'

const MAX_BYTES = 32 * 1024 * 1024
const TIMEOUT_MS = 10_000

/** Synchronous as on Linux, and for the same reason. `ps` shows no session there: the process group has to do. */
export function readMacosProcesses(): ProcessInfo[] {
  return parseProcesses(ps(['-axo', 'pid=,ppid=,pgid=,stat=,lstart=']))
}

/** Numbers of those that were started with this `NAME=value`. Root sees everybody's, but for the system's own programs. */
export function macosProcessesWith(entry: string): Set<number> {
  return parseEnvironments(ps(['-axwwE', '-o', 'pid=,command=']), entry)
}

export function parseProcesses(text: string): ProcessInfo[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, parent, group, state, startTime] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S.*)$/.exec(line) ?? []
    if (pid === undefined || state === undefined || startTime === undefined) return []
    return [
      {
        pid: Number(pid),
        state: state.charAt(0),
        parent: Number(parent),
        group: Number(group),
        session: 0,
        startTime: startTime.trim(),
      },
    ]
  })
}

/** The environment follows the arguments, with blanks in between; a value of ours holds none. */
export function parseEnvironments(text: string, entry: string): Set<number> {
  const found = new Set<number>()
  for (const line of text.split('\n')) {
    const [pid = '', ...words] = line.trim().split(/\s+/)
    if (words.includes(entry)) found.add(Number(pid))
  }
  return found
}

function ps(args: readonly string[]): string {
  return execFileSync('/bin/ps', args, {
    encoding: 'utf8',
    maxBuffer: MAX_BYTES,
    timeout: TIMEOUT_MS,
    env: { LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}
