import type { ScriptArgs } from '@breeze/contract/agent-commands'
import type { InventorySections } from '@breeze/contract/agent-inventory'
import type { EnrollRequest } from '@breeze/contract/agent-protocol'
import type { Chance } from './seeded.ts'

export type SystemKind =
  | 'domain_controller'
  | 'sql'
  | 'file'
  | 'hypervisor'
  | 'terminal'
  | 'web'
  | 'database'
  | 'storage'
  | 'pc'
  | 'laptop'
  | 'mac'

type Os = NonNullable<InventorySections['os']['data']>

/** An operating system as its inventory tells it, and the machine it runs on. */
export interface System {
  family: EnrollRequest['platform']
  os: Pick<Os, 'name' | 'version' | 'kernel' | 'productType' | 'architecture'>
  hardware: { vendor: string; model: string; virtualization: string | null }
  cpu: { model: string; cores: number; threads: number }
  memoryGiB: number
  diskGiB: number
  interpreters: readonly ScriptArgs['language'][]
}

const xeon = { model: 'Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz', cores: 8, threads: 16 }
const core = { model: '12th Gen Intel(R) Core(TM) i5-12500', cores: 6, threads: 12 }
const mobile = { model: '13th Gen Intel(R) Core(TM) i7-1355U', cores: 10, threads: 12 }
const vmware = { vendor: 'VMware, Inc.', model: 'VMware7,1', virtualization: 'vmware' }
const kvm = { vendor: 'QEMU', model: 'Standard PC (Q35 + ICH9, 2009)', virtualization: 'kvm' }

function windows(
  name: string,
  build: string,
  productType: NonNullable<Os['productType']>,
): Pick<System, 'family' | 'os' | 'interpreters'> {
  const version = `10.0.${build.split('.')[0] ?? build}`
  return {
    family: 'windows',
    os: { name: `Microsoft Windows ${name}`, version, kernel: `10.0.${build}`, productType, architecture: 'x64' },
    interpreters: ['powershell'],
  }
}

const linux = (name: string, version: string, kernel: string): Pick<System, 'family' | 'os' | 'interpreters'> => ({
  family: 'linux',
  os: { name, version, kernel, architecture: 'x64' },
  interpreters: ['bash', 'python'],
})

const server2022 = (productType: 'server' | 'domain_controller') =>
  windows('Server 2022 Standard', '20348.2849', productType)
const windows11 = () => windows('11 Pro', '26100.2314', 'workstation')

const SYSTEMS: { readonly [K in SystemKind]: (chance: Chance) => System } = {
  domain_controller: () => ({
    ...server2022('domain_controller'),
    hardware: vmware,
    cpu: { ...xeon, cores: 2, threads: 4 },
    memoryGiB: 8,
    diskGiB: 80,
  }),
  sql: () => ({
    ...windows('Server 2019 Standard', '17763.6532', 'server'),
    hardware: vmware,
    cpu: xeon,
    memoryGiB: 64,
    diskGiB: 500,
  }),
  file: () => ({
    ...server2022('server'),
    hardware: vmware,
    cpu: { ...xeon, cores: 4, threads: 8 },
    memoryGiB: 16,
    diskGiB: 4000,
  }),
  hypervisor: () => ({
    ...windows('Server 2022 Datacenter', '20348.2849', 'server'),
    hardware: { vendor: 'Dell Inc.', model: 'PowerEdge R650', virtualization: null },
    cpu: { ...xeon, cores: 32, threads: 64 },
    memoryGiB: 512,
    diskGiB: 8000,
  }),
  terminal: () => ({
    ...windows('Server 2019 Standard', '17763.6532', 'server'),
    hardware: vmware,
    cpu: xeon,
    memoryGiB: 48,
    diskGiB: 200,
  }),
  web: () => ({
    ...linux('Ubuntu', '24.04', '6.8.0-48-generic'),
    hardware: kvm,
    cpu: { ...xeon, cores: 4, threads: 4 },
    memoryGiB: 8,
    diskGiB: 60,
  }),
  database: () => ({
    ...linux('Debian GNU/Linux', '12.8', '6.1.0-27-amd64'),
    hardware: kvm,
    cpu: { ...xeon, cores: 8, threads: 8 },
    memoryGiB: 32,
    diskGiB: 400,
  }),
  storage: () => ({
    ...linux('Ubuntu', '22.04', '5.15.0-125-generic'),
    hardware: { vendor: 'Supermicro', model: 'SSG-540P-E1CTR36L', virtualization: null },
    cpu: xeon,
    memoryGiB: 64,
    diskGiB: 48_000,
  }),
  pc: (chance) => ({
    ...(chance.next() < 0.3 ? windows('10 Pro', '19045.5131', 'workstation') : windows11()),
    hardware: {
      ...chance.pick([
        { vendor: 'Dell Inc.', model: 'OptiPlex 7010' },
        { vendor: 'HP', model: 'HP EliteDesk 800 G9' },
      ]),
      virtualization: null,
    },
    cpu: core,
    memoryGiB: chance.pick([8, 16, 16, 32]),
    diskGiB: chance.pick([256, 512]),
  }),
  laptop: (chance) => ({
    ...windows11(),
    hardware: {
      ...chance.pick([
        { vendor: 'LENOVO', model: 'ThinkPad T14 Gen 4' },
        { vendor: 'Dell Inc.', model: 'Latitude 5440' },
      ]),
      virtualization: null,
    },
    cpu: mobile,
    memoryGiB: 16,
    diskGiB: 512,
  }),
  mac: (chance) => ({
    family: 'macos',
    os: { name: 'macOS', version: '15.1.1', kernel: '24.1.0', architecture: 'arm64' },
    hardware: { vendor: 'Apple Inc.', model: chance.pick(['MacBookPro18,3', 'Mac14,12']), virtualization: null },
    cpu: { model: 'Apple M2 Pro', cores: 10, threads: 10 },
    memoryGiB: 16,
    diskGiB: 512,
    interpreters: ['bash'],
  }),
}

export function systemOf(kind: SystemKind, chance: Chance): System {
  return SYSTEMS[kind](chance)
}
