import { bootId, hostName } from '../platform/machine.ts'
import { windowsCertificates } from '../platform/windows/certificates.ts'
import { readWindowsFacts, type WindowsFacts } from '../platform/windows/facts.ts'
import {
  windowsCpu,
  windowsDisks,
  windowsIdentity,
  windowsMemory,
  windowsNetwork,
  windowsOs,
} from '../platform/windows/sections.ts'
import { windowsServices } from '../platform/windows/services.ts'
import { windowsAppx, windowsRegistry } from '../platform/windows/software.ts'
import { windowsUpdateHistory } from '../platform/windows/update-history.ts'
import { windowsUpdates } from '../platform/windows/updates.ts'
import { certificates } from './certificates.ts'
import { cpu } from './cpu.ts'
import { disks } from './disks.ts'
import { identity } from './identity.ts'
import { memory } from './memory.ts'
import { network } from './network.ts'
import { os } from './os.ts'
import type { PlatformCollectors } from './section.ts'
import { linuxServices } from './services.ts'
import { softwareCollector } from './software.ts'
import { linuxUpdateHistory } from './update-history.ts'
import { linuxUpdates } from './updates.ts'

const windows = { source: 'Get-CimInstance', platforms: ['win32' as const], timeoutMs: 60_000 }
const from =
  <T>(section: (facts: WindowsFacts) => T) =>
  async () =>
    section(await readWindowsFacts())

/** Each the Linux one's twin: what of a section is stable does not depend on where it was read. */
export const windowsCollectors: PlatformCollectors = {
  identity: { ...identity, ...windows, collect: from((facts) => windowsIdentity(facts, hostName())) },
  os: { ...os, ...windows, collect: from((facts) => windowsOs(facts, bootId())) },
  cpu: { ...cpu, ...windows, collect: from(windowsCpu) },
  memory: { ...memory, ...windows, collect: from(windowsMemory) },
  disks: { ...disks, ...windows, collect: from(windowsDisks) },
  network: { ...network, ...windows, collect: from(windowsNetwork) },
  services: { ...linuxServices, ...windows, collect: windowsServices },
  software: softwareCollector([windowsRegistry, windowsAppx], 'win32'),
  updates: { ...linuxUpdates, ...windows, source: 'Windows Update Agent', timeoutMs: 300_000, collect: windowsUpdates },
  update_history: {
    ...linuxUpdateHistory,
    ...windows,
    source: 'Windows Update Agent',
    timeoutMs: 150_000,
    costly: true,
    collect: windowsUpdateHistory,
  },
  certificates: { ...certificates, ...windows, source: 'Get-ChildItem', costly: true, collect: windowsCertificates },
}
