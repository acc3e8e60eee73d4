import { createHash } from 'node:crypto'
import type { InventorySections, SectionName } from '@breeze/contract/agent-inventory'
import type { InventoryBody } from '../device.ts'
import type { PlannedDevice } from './fleet.ts'
import { seededChance, seededHex } from './seeded.ts'
import { type System, systemOf } from './systems.ts'

const GIB = 1024 ** 3
/** Honest about where the values come from. */
const SOURCE = 'simulated'

type Data<N extends SectionName> = NonNullable<InventorySections[N]['data']>
/** The sections that simulated devices report. */
export const SIMULATED_SECTIONS = ['identity', 'os', 'cpu', 'memory', 'disks', 'network'] as const
export type SimulatedSection = (typeof SIMULATED_SECTIONS)[number]
type AllData = { [N in SimulatedSection]: Data<N> }

export interface Facts {
  system: System
  hostname: string
  machineId: string
  address: string
  mac: string
  memory: Data<'memory'>
  disks: Data<'disks'>
}

export interface Boot {
  id: string
  at: Date
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
    disks: [disk(system, 0.2 + 0.7 * chance.next())],
  }
}

function disk(system: System, used: number): Data<'disks'>[number] {
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

export function inventoryOf(facts: Facts, boot: Boot, names: readonly SectionName[]): InventoryBody {
  const data = dataOf(facts, boot)
  const collectedAt = new Date().toISOString()
  const known = SIMULATED_SECTIONS.filter((name) => names.includes(name))
  const sections = Object.fromEntries(
    known.map((name) => [name, { status: 'ok', source: SOURCE, collectedAt, data: data[name] }]),
  )
  const all = hashesOf(facts, boot)
  const hashes = Object.fromEntries(known.map((name) => [name, all[name]]))
  // Object.fromEntries forgets which name holds which section's data; `data` pairs them.
  return { sections: sections as InventoryBody['sections'], hashes }
}

export function hashesOf(facts: Facts, boot: Boot): Record<SimulatedSection, string> {
  const { identity, os, cpu, memory, disks, network } = dataOf(facts, boot)
  return {
    identity: hash(identity),
    os: hash({ ...os, bootedAt: undefined }),
    cpu: hash(cpu),
    memory: hash(memory),
    disks: hash(disks),
    network: hash(network),
  }
}

const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('base64url')

function dataOf(facts: Facts, boot: Boot): AllData {
  const { system, hostname, machineId } = facts
  const { vendor, model, virtualization } = system.hardware
  return {
    identity: { hostname, machineId, vendor, model, serial: machineId.slice(0, 7).toUpperCase(), virtualization },
    os: { family: system.family, ...system.os, bootId: boot.id, bootedAt: boot.at.toISOString() },
    cpu: { ...system.cpu, sockets: 1 },
    memory: facts.memory,
    disks: facts.disks,
    network: [{ name: interfaceName(system), mac: facts.mac, up: true, addresses: [facts.address] }],
  }
}

function interfaceName(system: System): string {
  return { windows: 'Ethernet', linux: 'eth0', macos: 'en0' }[system.family]
}
