import { apt } from '../platform/updates/apt.ts'
import { dnf } from '../platform/updates/dnf.ts'
import { pacmanUpdates } from '../platform/updates/pacman.ts'
import { zypper } from '../platform/updates/zypper.ts'
import { type Collector, Unsupported } from './section.ts'

/** The system's own first: a distribution may also carry another one's. */
const MANAGERS = [apt, zypper, dnf, pacmanUpdates]

export const linuxUpdates: Collector<'updates'> = {
  name: 'updates',
  source: 'apt-get, zypper, dnf, pacman',
  platforms: ['linux'],
  timeoutMs: 300_000,
  costly: true,
  async collect(tell) {
    for (const manager of MANAGERS) {
      if (!(await manager.present())) continue
      tell?.({ source: manager.manager })
      return await manager.read()
    }
    throw new Unsupported('This system has no known package manager')
  },
  stable: (data) => data,
}
