import { existsSync } from 'node:fs'
import { release } from 'node:os'
import { bootNames, installedKernels, newerKernel } from './linux-kernels.ts'

/** Written by Debian's and Ubuntu's packages when they need a restart. */
export const REBOOT_REQUIRED = ['/run/reboot-required', '/var/run/reboot-required'] as const
/** Who writes it: without one of them, its absence says nothing. */
export const REBOOT_WRITERS = [
  '/usr/share/update-notifier/notify-reboot-required',
  '/etc/kernel/postinst.d/unattended-upgrades',
] as const

/** For the heartbeat: a few looks at files, and null where they tell nothing. The section `posture` knows more. */
export function rebootPending(root = ''): boolean | null {
  if (process.platform !== 'linux') return null
  if (REBOOT_REQUIRED.some((path) => existsSync(root + path))) return true
  const kernel = newerKernel(release(), installedKernels(bootNames(`${root}/boot`)))
  if (kernel !== undefined && kernel !== 'current') return true
  return kernel === 'current' || REBOOT_WRITERS.some((path) => existsSync(root + path)) ? false : null
}
