import { access } from 'node:fs/promises'
import { release } from 'node:os'
import { readTextIfPresent } from '../../platform/linux.ts'
import { bootNames, installedKernels, newerKernel } from '../../platform/linux-kernels.ts'
import { REBOOT_REQUIRED, REBOOT_WRITERS } from '../../platform/reboot-pending.ts'
import { runProgram } from '../../platform/run-program.ts'
import { clip, Unsupported } from '../section.ts'
import type { FindingReader } from './finding.ts'

const MAX_REASONS = 50

/** Undefined where a place tells nothing, else its reasons: none of them is a no. */
type Reasons = string[] | undefined

export const linuxRebootPending = (root = ''): FindingReader<'rebootPending'> => ({
  source: '/run/reboot-required, /boot, needs-restarting',
  async read() {
    const told = [await packages(root), kernel(root), root === '' ? await needsRestarting() : undefined].filter(
      (reasons) => reasons !== undefined,
    )
    if (told.length === 0) throw new Unsupported('nothing on this system tells whether a restart is due')
    const reasons = told.flat()
    return { pending: reasons.length > 0, reasons: reasons.slice(0, MAX_REASONS).map((reason) => clip(reason, 200)) }
  },
})

async function packages(root: string): Promise<Reasons> {
  for (const path of REBOOT_REQUIRED) {
    if ((await readTextIfPresent(root + path)) === undefined) continue
    const names = new Set(((await readTextIfPresent(`${root}${path}.pkgs`)) ?? '').split('\n').filter(Boolean))
    return names.size > 0 ? [...names].map((name) => `package ${name}`) : ['a package asked for it']
  }
  const written = await Promise.all(REBOOT_WRITERS.map((path) => exists(root + path)))
  return written.includes(true) ? [] : undefined
}

function kernel(root: string): Reasons {
  const newer = newerKernel(release(), installedKernels(bootNames(`${root}/boot`)))
  if (newer === undefined) return undefined
  return newer === 'current' ? [] : [`kernel ${newer.newest} is installed, ${release()} runs`]
}

/** Of the family of Red Hat: exit code 1 when a core library or service was updated since the start. */
async function needsRestarting(): Promise<Reasons> {
  try {
    const { exitCode, stdout } = await runProgram('needs-restarting', ['-r'], { timeoutMs: 6000, nice: true })
    if (exitCode === 0) return []
    const updated = [...stdout.matchAll(/^\s*\* (\S+)/gm)].map((match) => `package ${match[1]}`)
    return exitCode === 1 ? (updated.length > 0 ? updated : ['needs-restarting says so']) : undefined
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    // Absence is the answer.
    return false
  }
}
