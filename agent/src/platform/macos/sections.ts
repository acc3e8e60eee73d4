import type { SectionData } from '@breeze/contract/agent-inventory'
import * as z from 'zod'
import { usedPercent } from '../../collectors/disks.ts'
import { filledIn } from '../../collectors/hardware-names.ts'
import { clip } from '../../collectors/section.ts'

/** The base sections, from what macOS's own programs print. */

const hardware = z.object({
  SPHardwareDataType: z
    .array(
      z.object({
        machine_model: z.string().optional(),
        serial_number: z.string().optional(),
        platform_UUID: z.string(),
      }),
    )
    .min(1),
})

export function macosIdentity(profile: unknown, hostname: string, underHypervisor: boolean): SectionData<'identity'> {
  const [machine] = hardware.parse(profile).SPHardwareDataType
  if (!machine) throw new Error('system_profiler describes no machine')
  return {
    hostname,
    machineId: clip(machine.platform_UUID, 128),
    vendor: 'Apple Inc.',
    model: filledIn(machine.machine_model),
    serial: filledIn(machine.serial_number),
    virtualization: underHypervisor ? 'hypervisor' : null,
  }
}

/** `sw_vers` prints `ProductVersion:\t\t14.4.1`; `kern.boottime` is `{ sec = 1713945600, usec = 0 } Wed …`. */
export function macosOs(swVers: string, boottime: string, kernel: string, bootId: string): SectionData<'os'> {
  const seconds = /sec = (\d+)/.exec(boottime)?.[1]
  if (seconds === undefined) throw new Error('kern.boottime tells no time')
  return {
    family: 'macos',
    name: clip(valueOf(swVers, 'ProductName'), 200),
    version: clip(valueOf(swVers, 'ProductVersion'), 100),
    kernel: clip(kernel, 200),
    architecture: process.arch,
    bootId,
    bootedAt: new Date(Number(seconds) * 1000).toISOString(),
  }
}

/** `sysctl` without -n: `hw.physicalcpu: 8`. */
export function macosCpu(sysctl: string): SectionData<'cpu'> {
  return {
    model: clip(valueOf(sysctl, 'machdep.cpu.brand_string'), 200),
    sockets: numberOf(sysctl, 'hw.packages'),
    cores: numberOf(sysctl, 'hw.physicalcpu'),
    threads: numberOf(sysctl, 'hw.logicalcpu'),
  }
}

/** Available is what the system can hand out without writing anything: free, speculative and inactive pages. */
export function macosMemory(sysctl: string, vmStat: string): SectionData<'memory'> {
  const pageBytes = Number(/page size of (\d+) bytes/.exec(vmStat)?.[1])
  if (!pageBytes) throw new Error('vm_stat tells no page size')
  const pages = (name: string) => Number(/^(\d+)\.?$/.exec(valueOf(vmStat, name))?.[1])
  const swap = (name: string) => Math.round(Number(new RegExp(`${name} = ([\\d.]+)M`).exec(sysctl)?.[1]) * 1024 ** 2)
  return {
    totalBytes: numberOf(sysctl, 'hw.memsize'),
    availableBytes: (pages('Pages free') + pages('Pages speculative') + pages('Pages inactive')) * pageBytes,
    swapTotalBytes: swap('total'),
    swapFreeBytes: swap('free'),
  }
}

/** Parts of the system's own volume group that nobody can free anything on. */
const HIDDEN = /^\/System\/Volumes\/(?!Data$)/

/** `df -kP`: 1024-blocks used available capacity; `mount` knows the filesystem. */
export function macosDisks(df: string, mount: string): SectionData<'disks'> {
  const filesystems = new Map(
    [...mount.matchAll(/^(.+?) on (.+) \((\w+)/gm)].map(([, , path = '', type = '']) => [path, type]),
  )
  return [...df.matchAll(/^(\/dev\/\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s+(\/.*)$/gm)]
    .filter(([, , , , , path = '']) => !HIDDEN.test(path))
    .slice(0, 256)
    .map(([, device = '', total, used, available, path = '']) => ({
      mount: clip(path, 500),
      device: clip(device, 500),
      filesystem: clip(filesystems.get(path) ?? '', 60),
      totalBytes: Number(total) * 1024,
      usedBytes: Number(used) * 1024,
      availableBytes: Number(available) * 1024,
      usedPercent: usedPercent(Number(used), Number(available)),
    }))
}

/** `name: flags=8863<UP,…> mtu 1500` with indented lines below. */
export function macosNetwork(ifconfig: string): SectionData<'network'> {
  return ifconfig
    .split(/^(?=\S)/m)
    .flatMap((block) => {
      const [, name, flags = ''] = /^(\S+): flags=\w+<([^>]*)>/.exec(block) ?? []
      if (name === undefined) return []
      const status = /^\s+status: (\w+)/m.exec(block)?.[1]
      const addresses = [...block.matchAll(/^\s+inet6? ([0-9a-f:.]+)/gim)].map(([, address = '']) => clip(address, 80))
      return {
        name: clip(name, 60),
        mac: /^\s+ether (\S+)/m.exec(block)?.[1] ?? null,
        // Interfaces without a carrier tell no status: for them the administrator's flag decides.
        up: status === undefined ? flags.split(',').includes('UP') : status === 'active',
        addresses: addresses.slice(0, 64).sort(),
      }
    })
    .slice(0, 256)
}

function valueOf(text: string, key: string): string {
  const line = text.split('\n').find((each) => each.startsWith(`${key}:`))
  if (line === undefined) throw new Error(`${key} is missing`)
  return line.slice(key.length + 1).trim()
}

function numberOf(text: string, key: string): number {
  const value = Number(valueOf(text, key))
  if (!Number.isSafeInteger(value)) throw new Error(`${key} is no number`)
  return value
}
