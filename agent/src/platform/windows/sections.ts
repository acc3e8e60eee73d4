import type { SectionData } from '@breeze/contract/agent-inventory'
import { clip } from '../../collectors/section.ts'
import { usedPercent } from '../../collectors/disks.ts'
import { filledIn, hypervisorNamed } from '../../collectors/hardware-names.ts'
import type { WindowsFacts } from './facts.ts'

/** The base sections, from what Windows says of itself. */

export function windowsIdentity(facts: WindowsFacts, hostname: string): SectionData<'identity'> {
  const vendor = filledIn(facts.system.Manufacturer)
  const model = filledIn(facts.system.Model)
  // A machine that only hosts others (Hyper-V, Credential Guard) has a hypervisor present too: the names decide.
  const virtualization = hypervisorNamed(`${vendor ?? ''} ${model ?? ''}`)
  return { hostname, machineId: facts.machineGuid, vendor, model, serial: filledIn(facts.serial), virtualization }
}

const PRODUCT_TYPES: Readonly<Record<number, SectionData<'os'>['productType']>> = {
  1: 'workstation',
  2: 'domain_controller',
  3: 'server',
}

export function windowsOs(facts: WindowsFacts, bootId: string): SectionData<'os'> {
  const productType = PRODUCT_TYPES[facts.os.ProductType]
  return {
    family: 'windows',
    name: clip(facts.os.Caption.trim(), 200),
    version: clip(facts.os.Version, 100),
    kernel: clip(facts.os.Version, 200),
    ...(productType && { productType }),
    architecture: process.arch,
    bootId,
    bootedAt: new Date(facts.os.BootedAt).toISOString(),
  }
}

export function windowsCpu({ processors }: WindowsFacts): SectionData<'cpu'> {
  const [first] = processors
  if (!first) throw new Error('Win32_Processor lists no processor')
  return {
    model: clip(first.Name.trim(), 200),
    sockets: processors.length,
    cores: sum(processors.map((each) => each.NumberOfCores)),
    threads: sum(processors.map((each) => each.NumberOfLogicalProcessors)),
  }
}

export function windowsMemory({ os, pageFiles }: WindowsFacts): SectionData<'memory'> {
  const allocated = sum(pageFiles.map((file) => file.AllocatedBaseSize))
  const used = sum(pageFiles.map((file) => file.CurrentUsage))
  return {
    totalBytes: os.TotalVisibleMemorySize * 1024,
    availableBytes: os.FreePhysicalMemory * 1024,
    swapTotalBytes: allocated * 1024 ** 2,
    swapFreeBytes: (allocated - used) * 1024 ** 2,
  }
}

export function windowsDisks({ disks }: WindowsFacts): SectionData<'disks'> {
  return disks.slice(0, 256).flatMap(({ DeviceID, FileSystem, Size, FreeSpace }) => {
    if (Size === null || FreeSpace === null || Size === 0) return []
    const used = Size - FreeSpace
    return {
      mount: clip(DeviceID, 500),
      device: clip(DeviceID, 500),
      filesystem: clip(FileSystem ?? '', 60),
      totalBytes: Size,
      usedBytes: used,
      availableBytes: FreeSpace,
      usedPercent: usedPercent(used, FreeSpace),
    }
  })
}

const CONNECTED = 2

export function windowsNetwork({ adapters, addresses }: WindowsFacts): SectionData<'network'> {
  return adapters.slice(0, 256).map((adapter) => ({
    name: clip(adapter.NetConnectionID ?? adapter.Name, 60),
    mac: adapter.MACAddress?.toLowerCase() ?? null,
    up: adapter.NetConnectionStatus === CONNECTED,
    addresses: (addresses.find(({ Index }) => Index === adapter.Index)?.IPAddress ?? [])
      .slice(0, 64)
      .map((address) => clip(address, 80))
      .sort(),
  }))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
