import { createHash } from 'node:crypto'
import {
  type InventorySections,
  SECTION_NAMES,
  type SectionData,
  type SectionName,
} from '@breeze/contract/agent-inventory'
import type { InventoryBody } from '../device.ts'
import { certificatesOf } from './certificates.ts'
import type { Facts } from './facts.ts'
import { capabilitiesOfDevice, postureOf, usersOf } from './protection.ts'
import { type ServiceStates, servicesOf } from './services.ts'
import type { Software } from './software-catalogue.ts'
import { type Patches, updateHistoryOf, updatesOf } from './updates.ts'

/** Honest about where the values come from. */
export const SOURCE = 'simulated'

export interface Boot {
  id: string
  at: Date
}

/** A device at this moment, from which all it reports follows. */
export interface DeviceState {
  facts: Facts
  boot: Boot
  services: ServiceStates
  software: Software
  patches: Patches
  /** Since the last start; null: nothing was installed. */
  restartDue: boolean | null
  /** What a scenario has it tell instead of what follows from its facts. */
  told: ToldSections
  /** By the device's own clock. */
  now: number
}

/** Sections whose content a scenario may set whole. */
export type TellableSection = Exclude<
  SectionName,
  'software' | 'services' | 'capabilities' | 'updates' | 'update_history'
>
export type ToldSections = ReadonlyMap<SectionName, { data?: unknown; collectedAt: Date }>

export type Hashes = Record<SectionName, string>

const READERS: { readonly [N in SectionName]: (state: DeviceState) => SectionData<N> } = {
  identity: ({ facts: { system, hostname, machineId } }) => {
    const { vendor, model, virtualization } = system.hardware
    return { hostname, machineId, vendor, model, serial: machineId.slice(0, 7).toUpperCase(), virtualization }
  },
  os: ({ facts: { system }, boot }) => ({
    family: system.family,
    ...system.os,
    bootId: boot.id,
    bootedAt: boot.at.toISOString(),
  }),
  cpu: ({ facts }) => ({ ...facts.system.cpu, sockets: 1 }),
  memory: ({ facts }) => facts.memory,
  disks: ({ facts }) => facts.disks,
  network: ({ facts: { system, mac, address } }) => {
    const name = { windows: 'Ethernet', linux: 'eth0', macos: 'en0' }[system.family]
    return [{ name, mac, up: true, addresses: [address] }]
  },
  capabilities: ({ facts }) => capabilitiesOfDevice(facts),
  software: ({ software }) => software.items(),
  services: ({ facts, services }) => servicesOf(facts, services),
  users: ({ facts }) => usersOf(facts),
  posture: ({ facts, restartDue }) => postureOf(facts, restartDue),
  updates: ({ facts, patches, now }) => updatesOf(facts, patches, now),
  update_history: ({ patches }) => updateHistoryOf(patches),
  certificates: ({ facts, now }) => certificatesOf(facts, now),
}

const dataOf = (name: SectionName, state: DeviceState): unknown => state.told.get(name)?.data ?? READERS[name](state)

export function hashesOf(state: DeviceState): Hashes {
  const hashes = SECTION_NAMES.map((name) => [name, hashOf(name, state)] as const)
  // Object.fromEntries forgets that these are all the names.
  return Object.fromEntries(hashes) as Hashes
}

export function hashOf(name: SectionName, state: DeviceState): string {
  // Seven hundred packages need not be written out to tell that they are the same.
  if (name === 'software') return hash(state.software.version)
  const data = dataOf(name, state)
  return hash(name === 'os' ? { ...Object(data), bootedAt: undefined } : data)
}

const hash = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22)

export function inventoryOf(
  state: DeviceState,
  known: Readonly<Hashes>,
  names: readonly SectionName[],
  whole: readonly SectionName[],
): InventoryBody {
  const collectedAt = new Date(state.now).toISOString()
  const readAt = (name: SectionName): string => state.told.get(name)?.collectedAt.toISOString() ?? collectedAt
  const delta = names.includes('software') && !whole.includes('software') && state.software.delta(known.software)
  const written = names.filter((name) => name !== 'software' || !delta)
  const sections = Object.fromEntries(
    written.map((name) => [
      name,
      { status: 'ok', source: SOURCE, collectedAt: readAt(name), data: dataOf(name, state) },
    ]),
  )
  if (names.includes('software')) state.software.tell(known.software)
  return {
    // Object.fromEntries forgets which name holds which section's data; READERS and `tell` pair them.
    sections: sections as Partial<InventorySections>,
    hashes: Object.fromEntries(written.map((name) => [name, known[name]])),
    ...(delta && { softwareDelta: { ...delta, source: SOURCE, collectedAt } }),
  }
}
