import { readProcSync } from './linux.ts'

/**
 * Milliseconds since the machine started, whatever happens to its clock. On Linux sleep counts (/proc/uptime is
 * CLOCK_BOOTTIME, proc_uptime(5)), elsewhere only what this process was awake for.
 */
export function bootClock(): () => number {
  if (process.platform !== 'linux') return () => performance.now()
  return () => Number(readProcSync('/proc/uptime').split(' ')[0]) * 1000
}
