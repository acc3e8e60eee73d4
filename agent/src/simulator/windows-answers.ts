import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { type Answer, gib, type Machine, uptimeText } from './machine.ts'

function serviceTable(services: readonly ServiceItem[]): string {
  const rows = services.map(
    ({ name, displayName, state }) =>
      `${(state === 'running' ? 'Running' : 'Stopped').padEnd(8)} ${name.padEnd(18)} ${displayName ?? ''}`,
  )
  return ['Status   Name               DisplayName', '------   ----               -----------', ...rows].join('\n')
}

function getService(machine: Machine, wanted: string | undefined): string {
  if (wanted === undefined) return serviceTable(machine.services())
  const pattern = new RegExp(
    `^${wanted
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  )
  const found = machine.services().filter((service) => pattern.test(service.name))
  if (found.length > 0) return serviceTable(found)
  return `Get-Service : Cannot find any service with service name '${wanted}'.`
}

const systemInfo = (machine: Machine): string => {
  const { facts } = machine
  const { os, hardware, cpu, memoryGiB } = facts.system
  return [
    `Host Name:                 ${facts.hostname}`,
    `OS Name:                   ${os.name}`,
    `OS Version:                ${os.version} N/A Build ${os.version.split('.').at(-1) ?? ''}`,
    `System Boot Time:          ${machine.bootedAt.toISOString()}`,
    `System Manufacturer:       ${hardware.vendor}`,
    `System Model:              ${hardware.model}`,
    `Processor(s):              ${cpu.model}`,
    `Total Physical Memory:     ${(memoryGiB * 1024).toLocaleString('en')} MB`,
  ].join('\n')
}

export const windowsAnswers: readonly Answer[] = [
  [/^(hostname(\.exe)?|\$env:COMPUTERNAME)$/i, ({ facts }) => facts.hostname],
  [/^whoami(\.exe)?$/i, () => 'nt authority\\system'],
  [/^(systeminfo|Get-ComputerInfo)\b/i, systemInfo],
  [/^(cmd \/c )?ver$/i, ({ facts }) => `Microsoft Windows [Version ${facts.system.os.kernel}]`],
  [/^\[?(System\.)?Environment\]?::OSVersion/i, ({ facts }) => `Microsoft Windows NT ${facts.system.os.version}.0`],
  [
    /^(?:Get-Service|gsv)(?: (?:-Name )?["']?([\w.*?-]+)["']?)?$/i,
    (machine, [, wanted]) => getService(machine, wanted),
  ],
  [/^Get-Date\b/i, ({ now }) => now.toUTCString()],
  [/^\(?Get-Uptime\b/i, uptimeText],
  [
    /^(Get-PSDrive|Get-Volume|wmic logicaldisk)\b/i,
    ({ facts }) =>
      [
        'Name  Used (GB)  Free (GB)  Provider',
        '----  ---------  ---------  --------',
        ...facts.disks.map(
          (disk) =>
            `${disk.device.slice(0, 1).padEnd(4)}  ${gib(disk.usedBytes).padStart(9)}  ${gib(disk.availableBytes).padStart(9)}  FileSystem`,
        ),
      ].join('\n'),
  ],
  [
    /^ipconfig\b|^Get-NetIPAddress\b/i,
    ({ facts }) => `Ethernet adapter Ethernet:\n\n   IPv4 Address. . . . . . . . . . . : ${facts.address}`,
  ],
]
