import { access } from 'node:fs/promises'
import { runningPrograms } from '../../platform/linux/running-programs.ts'
import { runProgram } from '../../platform/run-program.ts'
import { Unsupported } from '../section.ts'
import type { FindingData, FindingReader } from './finding.ts'

type TimeSync = FindingData<'timeSync'>
const TIMEOUT_MS = 4000

const SERVICES = [
  { program: 'chronyd', service: 'chrony' },
  { program: 'systemd-timesyncd', service: 'systemd-timesyncd' },
  { program: 'ntpd', service: 'ntpd' },
  { program: 'VBoxService', service: 'VirtualBox Guest Additions' },
  { program: 'vmtoolsd', service: 'VMware Tools' },
] as const

/** What keeps the clock right is the program that runs; whether it does is its own word. */
export const linuxTimeSync = (
  root = '',
  running: () => Promise<(program: string) => boolean> = runningPrograms,
): FindingReader<'timeSync'> => ({
  source: 'running programs, timedatectl, chronyc',
  async read(tell): Promise<TimeSync> {
    const isRunning = await running()
    const found = SERVICES.find(({ program }) => isRunning(program))
    if (!found) {
      tell({ detail: 'none of the known services runs; a hypervisor may set the clock without the system' })
      return { synchronized: await bySystemd(), service: null, running: false }
    }
    const synchronized = found.service === 'chrony' ? await byChrony() : await byTimesyncd(root, found.service)
    return { synchronized: synchronized ?? (await bySystemd()), service: found.service, running: true }
  },
})

async function byChrony(): Promise<boolean | null> {
  const tracking = await ask('chronyc', ['-n', 'tracking'])
  return tracking === undefined ? null : parseTracking(tracking)
}

export function parseTracking(stdout: string): boolean | null {
  const leap = /^Leap status\s*:\s*(.+)$/m.exec(stdout)?.[1]?.trim()
  // A server of last resort takes its own clock (127.127.1.1) for a source: nobody has confirmed that.
  const own = /^Reference ID\s*:\s*7F7F0101\b/m.test(stdout)
  return leap === undefined ? null : leap !== 'Not synchronised' && !own
}

/** systemd-timesyncd leaves a file from its first success on (systemd-timesyncd.service(8)). */
async function byTimesyncd(root: string, service: string): Promise<boolean | null> {
  if (service !== 'systemd-timesyncd') return null
  try {
    await access(`${root}/run/systemd/timesync/synchronized`)
    return true
  } catch {
    // Absence is the answer.
    return false
  }
}

async function bySystemd(): Promise<boolean | null> {
  const shown = await ask('timedatectl', ['show', '--property=NTPSynchronized', '--value'])
  const value = shown?.trim()
  return value === 'yes' ? true : value === 'no' ? false : null
}

async function ask(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, exitCode } = await runProgram(program, args, { timeoutMs: TIMEOUT_MS })
    return exitCode === 0 ? stdout : undefined
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}
