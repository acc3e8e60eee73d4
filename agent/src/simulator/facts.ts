import type { SectionData } from '@breeze/contract/agent-inventory'
import type { PlannedDevice } from './fleet.ts'
import { seededChance, seededHex } from './seeded.ts'
import { type System, systemOf } from './systems.ts'

const GIB = 1024 ** 3
export interface Facts {
  system: System
  hostname: string
  machineId: string
  address: string
  mac: string
  memory: SectionData<'memory'>
  disks: SectionData<'disks'>
}

/** All of a device's facts follow from its seed. */
export function factsOf(device: PlannedDevice, seed: string): Facts {
  const chance = seededChance(seed)
  const system = systemOf(device.kind, chance)
  const mac = seededHex(`${seed}\nmac`, 10).replaceAll(/(..)(?=.)/g, '$1:')
  const total = system.memoryGiB * GIB
  return {
    system,
    hostname: device.name,
    machineId: seededHex(`${seed}\nmachine`),
    address: `10.${chance.between(10, 60)}.${chance.between(0, 30)}.${chance.between(10, 250)}`,
    // 02: locally administered, so it is nobody's real address.
    mac: `02:${mac}`,
    memory: {
      totalBytes: total,
      availableBytes: Math.floor(total * (0.15 + 0.6 * chance.next())),
      swapTotalBytes: 2 * GIB,
      swapFreeBytes: 2 * GIB,
    },
    // Room for what comes: a disk that is nearly full is a story's doing.
    disks: [disk(system, 0.2 + 0.55 * chance.next())],
  }
}

function disk(system: System, used: number): SectionData<'disks'>[number] {
  const totalBytes = system.diskGiB * GIB
  const usedBytes = Math.floor(totalBytes * used)
  const place = {
    windows: { mount: 'C:\\', device: 'C:', filesystem: 'NTFS' },
    linux: { mount: '/', device: '/dev/sda1', filesystem: 'ext4' },
    macos: { mount: '/', device: '/dev/disk3s1', filesystem: 'apfs' },
  }[system.family]
  const availableBytes = totalBytes - usedBytes
  return { ...place, totalBytes, usedBytes, availableBytes, usedPercent: Math.ceil((100 * usedBytes) / totalBytes) }
}
