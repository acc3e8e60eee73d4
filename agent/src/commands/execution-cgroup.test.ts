import { expect, test } from 'vitest'
import { cgroupFolder } from './execution-cgroup.ts'

const V2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate'
const HYBRID = `24 23 0:21 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
31 24 0:27 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 cgroup2 rw
33 24 0:29 / /sys/fs/cgroup/memory rw,relatime shared:12 - cgroup cgroup rw,memory`

test.each([
  [
    'version 2 alone',
    V2,
    '0::/system.slice/breeze-agent.service\n',
    '/sys/fs/cgroup/system.slice/breeze-agent.service',
  ],
  ['both versions', HYBRID, '5:memory:/x\n0::/\n', '/sys/fs/cgroup/unified'],
  [
    'a part of the hierarchy mounted',
    '30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw',
    '0::/docker/abc/agent\n',
    '/sys/fs/cgroup/agent',
  ],
  ['another part mounted', '30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw', '0::/else\n', undefined],
  ['outside of the namespace', V2, '0::/../other\n', undefined],
  ['version 1 alone', '33 24 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory', '5:memory:/x\n', undefined],
])('finds its own cgroup with %s', (_, mountInfo, cgroups, folder) => {
  expect(cgroupFolder(mountInfo, cgroups)).toBe(folder)
})
