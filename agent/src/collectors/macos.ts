import { release } from 'node:os'
import { bootId, hostName } from '../platform/machine.ts'
import { macosCertificates } from '../platform/macos/certificates.ts'
import { macosCpu, macosDisks, macosIdentity, macosMemory, macosNetwork, macosOs } from '../platform/macos/sections.ts'
import { macosServices } from '../platform/macos/services.ts'
import { applications, homebrew } from '../platform/macos/software.ts'
import { macosUpdateHistory } from '../platform/macos/update-history.ts'
import { macosUpdates } from '../platform/macos/updates.ts'
import { runProgram } from '../platform/run-program.ts'
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

const macos = { platforms: ['darwin' as const], timeoutMs: 60_000 }
const CPU = ['machdep.cpu.brand_string', 'hw.packages', 'hw.physicalcpu', 'hw.logicalcpu']

async function output(program: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(program, args, { timeoutMs: 30_000, maxBytes: 4_000_000 })
  if (exitCode !== 0) throw new Error(`${program} ended with ${exitCode}: ${stderr.trim().slice(0, 200)}`)
  return stdout
}

/** Each the Linux one's twin: what of a section is stable does not depend on where it was read. */
export const macosCollectors: PlatformCollectors = {
  identity: {
    ...identity,
    ...macos,
    source: 'system_profiler',
    async collect() {
      const profile: unknown = JSON.parse(await output('system_profiler', ['SPHardwareDataType', '-json']))
      const { stdout } = await runProgram('sysctl', ['-n', 'kern.hv_vmm_present'])
      return macosIdentity(profile, hostName(), stdout.trim() === '1')
    },
  },
  os: {
    ...os,
    ...macos,
    source: 'sw_vers, sysctl',
    collect: async () =>
      macosOs(await output('sw_vers', []), await output('sysctl', ['-n', 'kern.boottime']), release(), bootId()),
  },
  cpu: { ...cpu, ...macos, source: 'sysctl', collect: async () => macosCpu(await output('sysctl', CPU)) },
  memory: {
    ...memory,
    ...macos,
    source: 'sysctl, vm_stat',
    collect: async () =>
      macosMemory(await output('sysctl', ['hw.memsize', 'vm.swapusage']), await output('vm_stat', [])),
  },
  disks: {
    ...disks,
    ...macos,
    source: 'df, mount',
    // -l: another machine's disks can block a read for ever.
    collect: async () => macosDisks(await output('df', ['-klP']), await output('mount', [])),
  },
  network: {
    ...network,
    ...macos,
    source: 'ifconfig',
    collect: async () => macosNetwork(await output('ifconfig', ['-a'])),
  },
  services: { ...linuxServices, ...macos, source: 'launchctl', collect: macosServices },
  software: softwareCollector([applications, homebrew()], 'darwin'),
  updates: { ...linuxUpdates, ...macos, source: 'softwareupdate', timeoutMs: 300_000, collect: macosUpdates },
  update_history: {
    ...linuxUpdateHistory,
    ...macos,
    source: 'system_profiler',
    timeoutMs: 90_000,
    costly: true,
    collect: macosUpdateHistory,
  },
  certificates: { ...certificates, ...macos, source: 'security', costly: true, collect: macosCertificates },
}
