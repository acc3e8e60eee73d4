import { type Collector, Unsupported } from './section.ts'
import { linuxUsers } from './users-linux.ts'
import { macosUsers } from './users-macos.ts'
import { windowsUsers } from './users-windows.ts'

const SOURCES: Partial<Record<NodeJS.Platform, string>> = {
  linux: '/etc/passwd, /etc/group, /etc/shadow, /etc/sudoers, lastlog, wtmp, utmp',
  win32: 'Get-LocalUser, Get-LocalGroupMember',
  darwin: 'dscl, dseditgroup, who',
}

/** The device's own accounts; those of a directory (LDAP, Active Directory, SSSD) are not enumerated. */
export const users: Collector<'users'> = {
  name: 'users',
  source: SOURCES[process.platform] ?? '',
  platforms: ['linux', 'win32', 'darwin'],
  timeoutMs: process.platform === 'linux' ? 5000 : 60_000,
  costly: process.platform !== 'linux',
  async collect() {
    switch (process.platform) {
      case 'linux':
        return await linuxUsers()
      case 'win32':
        return await windowsUsers()
      case 'darwin':
        return await macosUsers()
      default:
        throw new Unsupported(`not supported by this agent on ${process.platform} yet`)
    }
  },
  stable: (data) => data,
}
