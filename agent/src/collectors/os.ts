import { release } from 'node:os'
import { bootTime, parseShellAssignments, readText, readTextIfPresent } from '../platform/linux.ts'
import { bootId } from '../platform/machine.ts'
import { clip, type Collector, Unsupported } from './section.ts'

export const os: Collector<'os'> = {
  name: 'os',
  source: '/etc/os-release, /proc/stat, /proc/sys/kernel/random/boot_id',
  platforms: ['linux'],
  async collect() {
    const text = (await readTextIfPresent('/etc/os-release')) ?? (await readTextIfPresent('/usr/lib/os-release'))
    if (text === undefined) throw new Unsupported('This system has no os-release file')
    const values = parseShellAssignments(text)
    // Debian's VERSION_ID stops at the release; the point release is in its own file.
    const debian = values.get('ID') === 'debian' ? await readTextIfPresent('/etc/debian_version') : undefined
    const version = debian !== undefined && /^\d/.test(debian) ? debian : values.get('VERSION_ID')
    return {
      family: 'linux',
      name: clip(values.get('NAME') ?? values.get('ID') ?? 'Linux', 200),
      // Rolling distributions have no version (os-release(5)); BUILD_ID is what they have instead.
      version: clip(version ?? values.get('BUILD_ID') ?? '', 100),
      kernel: clip(release(), 200),
      architecture: process.arch,
      bootId: bootId(),
      bootedAt: bootTime(await readText('/proc/stat')).toISOString(),
    }
  },
  // The kernel recomputes the boot time when the clock is set, so it wavers by a second; the boot id does not.
  stable: (data) => ({ ...data, bootedAt: undefined }),
}
