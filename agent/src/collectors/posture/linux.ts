import { linuxAntimalware } from './linux-antimalware.ts'
import { linuxDiskEncryption } from './linux-disk-encryption.ts'
import { linuxEndOfLife } from './linux-end-of-life.ts'
import { linuxFirewall } from './linux-firewall.ts'
import { linuxRebootPending } from './linux-reboot-pending.ts'
import { linuxScreenLock } from './linux-screen-lock.ts'
import { linuxSsh } from './linux-ssh.ts'
import { linuxTimeSync } from './linux-time-sync.ts'
import type { FindingReaders } from './finding.ts'

/** `root` is for tests. */
export function linuxPosture(root = ''): FindingReaders {
  return {
    diskEncryption: linuxDiskEncryption(root),
    firewall: linuxFirewall(root),
    antimalware: linuxAntimalware(root),
    ssh: linuxSsh(root),
    screenLock: linuxScreenLock(root),
    timeSync: linuxTimeSync(root),
    rebootPending: linuxRebootPending(root),
    endOfLife: linuxEndOfLife(root),
  }
}
