import { linuxAntimalware } from './linux-antimalware.ts'
import { linuxDiskEncryption } from './linux-disk-encryption.ts'
import { linuxEndOfLife } from './linux-end-of-life.ts'
import { linuxFirewall } from './linux-firewall.ts'
import { linuxRebootPending } from './linux-reboot-pending.ts'
import { linuxScreenLock } from './linux-screen-lock.ts'
import { linuxSsh } from './linux-ssh.ts'
import { linuxTimeSync } from './linux-time-sync.ts'
import { runningPrograms } from '../../platform/linux/running-programs.ts'
import type { FindingReaders } from './finding.ts'

/** `root` is for tests. */
export function linuxPosture(root = ''): FindingReaders {
  let programs: ReturnType<typeof runningPrograms> | undefined
  // Looked at once for all of them.
  const running = () => (programs ??= runningPrograms())
  return {
    diskEncryption: linuxDiskEncryption(root),
    firewall: linuxFirewall(root),
    antimalware: linuxAntimalware(root, running),
    ssh: linuxSsh(root, running),
    screenLock: linuxScreenLock(root),
    timeSync: linuxTimeSync(root, running),
    rebootPending: linuxRebootPending(root),
    endOfLife: linuxEndOfLife(root),
  }
}
