import { type Collector, Unsupported } from './section.ts'
import { linuxUsers } from './users-linux.ts'

const SOURCES: Partial<Record<NodeJS.Platform, string>> = {
  linux: '/etc/passwd, /etc/group, /etc/shadow, /etc/sudoers, lastlog, wtmp, utmp',
}

/** The device's own accounts; those of a directory (LDAP, Active Directory, SSSD) are not enumerated. */
export const users: Collector<'users'> = {
  name: 'users',
  source: SOURCES[process.platform] ?? '',
  platforms: ['linux'],
  async collect() {
    if (process.platform === 'linux') return await linuxUsers()
    throw new Unsupported(`not supported by this agent on ${process.platform} yet`)
  },
  stable: (data) => data,
}
