import { type Answer, gib, uptimeText } from './machine.ts'

export const linuxAnswers: readonly Answer[] = [
  [/^(hostname|uname -n|hostnamectl hostname)$/, ({ facts }) => facts.hostname],
  [/^whoami$/, () => 'root'],
  [/^id$/, () => 'uid=0(root) gid=0(root) groups=0(root)'],
  [
    /^uname -a$/,
    ({ facts }) => `Linux ${facts.hostname} ${facts.system.os.kernel} #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux`,
  ],
  [/^uname -r$/, ({ facts }) => facts.system.os.kernel],
  [/^uname( -s)?$/, () => 'Linux'],
  [/^pwd$/, () => '/'],
  [/^date\b/, ({ now }) => now.toUTCString()],
  [
    /^uptime$/,
    (machine) =>
      ` ${machine.now.toISOString().slice(11, 19)} up ${uptimeText(machine)},  1 user,  load average: 0.12, 0.09, 0.05`,
  ],
  [
    /^df\b/,
    ({ facts }) =>
      [
        'Filesystem      Size  Used Avail Use% Mounted on',
        ...facts.disks.map(
          (disk) =>
            `${disk.device.padEnd(15)} ${gib(disk.totalBytes)}G ${gib(disk.usedBytes)}G ${gib(disk.availableBytes)}G ${disk.usedPercent}% ${disk.mount}`,
        ),
      ].join('\n'),
  ],
  [
    /^free\b/,
    ({ facts: { memory } }) =>
      `               total        used        free   available\nMem:           ${gib(memory.totalBytes)}Gi      ${gib(memory.totalBytes - memory.availableBytes)}Gi      ${gib(memory.availableBytes)}Gi      ${gib(memory.availableBytes)}Gi`,
  ],
  [
    /^(cat \/etc\/os-release|lsb_release -a)$/,
    ({ facts: { system } }) => `NAME="${system.os.name}"\nVERSION_ID="${system.os.version}"`,
  ],
  [/^nproc$/, ({ facts }) => String(facts.system.cpu.threads)],
  [/^ip (a|addr)\b/, ({ facts }) => `2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP>\n    inet ${facts.address}/24`],
  [
    /^systemctl (?:status|is-active) (\S+?)(?:\.service)?$/,
    ({ services }, [, unit = '']) => {
      const state = services().find((service) => service.name === unit)?.state ?? 'running'
      return `● ${unit}\n     Active: ${state === 'running' ? 'active (running)' : 'inactive (dead)'}`
    },
  ],
]
