import { readdir } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { readTextIfPresent } from '../platform/linux.ts'
import { clip, type Collector } from './section.ts'

const NET = '/sys/class/net'
const MAX_INTERFACES = 256
const MAX_ADDRESSES = 64
const IFF_UP = 0x1

export const network: Collector<'network'> = {
  name: 'network',
  source: `${NET}, getifaddrs(3)`,
  platforms: ['linux'],
  async collect() {
    const addresses = networkInterfaces()
    const names = (await readdir(NET)).sort()
    const interfaces = await Promise.all(names.map((name) => readInterface(name, addresses[name] ?? [])))
    return interfaces.filter((found) => found !== undefined).slice(0, MAX_INTERFACES)
  },
  stable: (data) => data,
}

async function readInterface(name: string, addresses: readonly { address: string }[]) {
  const [mac, state, flags] = await Promise.all([
    readTextIfPresent(`${NET}/${name}/address`),
    readTextIfPresent(`${NET}/${name}/operstate`),
    readTextIfPresent(`${NET}/${name}/flags`),
  ])
  // bonding_masters is a file among the interfaces; an interface may also go away while it is read.
  if (state === undefined || flags === undefined) return undefined
  return {
    name: clip(name, 60),
    mac: mac === undefined || mac === '' || /^[0:]+$/.test(mac) ? null : clip(mac, 40),
    // Drivers without a carrier (loopback, tunnels) say "unknown": for them the administrator's flag decides.
    up: state === 'up' || (state === 'unknown' && (Number(flags) & IFF_UP) !== 0),
    addresses: addresses
      .slice(0, MAX_ADDRESSES)
      .map(({ address }) => clip(address, 80))
      .sort(),
  }
}
