import { existsSync } from 'node:fs'
import { runProgram } from './run-program.ts'

const TIMEOUT_MS = 1000

/** Whether the system is about to end, and how: asked when something tells this process to stop. */
export async function goingDown(): Promise<'reboot' | 'shutdown' | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    // sd_booted(3)
    if (existsSync('/run/systemd/system')) {
      const { stdout } = await runProgram('systemctl', ['list-jobs', '--no-legend', '--plain'], {
        timeoutMs: TIMEOUT_MS,
      })
      return parseJobs(stdout)
    }
    return parseRunlevel((await runProgram('runlevel', [], { timeoutMs: TIMEOUT_MS })).stdout)
  } catch {
    // No such program, or one that hangs in a system that is ending: then it is an ordinary stop.
    return undefined
  }
}

/** `JOB UNIT TYPE STATE` a line; what ends the system is the start of a target (systemd.special(7)). */
export function parseJobs(text: string): 'reboot' | 'shutdown' | undefined {
  const started = new Set([...text.matchAll(/^\s*\d+\s+(\S+)\.target\s+start\s/gm)].map(([, target]) => target))
  if (['reboot', 'kexec', 'soft-reboot'].some((target) => started.has(target))) return 'reboot'
  return ['poweroff', 'halt'].some((target) => started.has(target)) ? 'shutdown' : undefined
}

/** The level before and the one now (runlevel(8)): 0 halts, 6 reboots. */
export function parseRunlevel(text: string): 'reboot' | 'shutdown' | undefined {
  const [, now] = text.trim().split(/\s+/)
  if (now === '6') return 'reboot'
  return now === '0' ? 'shutdown' : undefined
}
