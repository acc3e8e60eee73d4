import { readdir } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import * as z from 'zod'
import { readTextIfPresent } from '../platform/linux.ts'
import { runProgram } from '../platform/run-program.ts'
import { clip, type Collector, Unsupported } from './section.ts'

const NET = '/sys/class/net'
const MAX_INTERFACES = 256
const MAX_ADDRESSES = 64
const IFF_UP = 0x1

export const network: Collector<'network'> = {
  name: 'network',
  source: `${NET}, ip addr`,
  platforms: ['linux'],
  async collect() {
    const addresses = await readAddresses()
    const names = (await readdir(NET)).sort()
    const interfaces = await Promise.all(names.map((name) => readInterface(name, addresses.get(name) ?? [])))
    return interfaces.filter((found) => found !== undefined).slice(0, MAX_INTERFACES)
  },
  stable: (data) => data,
}

const links = z.array(
  z.object({ ifname: z.string(), addr_info: z.array(z.object({ local: z.string().optional() })).default([]) }),
)

export function parseIpAddr(json: string): Map<string, string[]> {
  const parsed = links.parse(JSON.parse(json))
  return new Map(
    parsed.map(({ ifname, addr_info }) => [
      ifname,
      addr_info.flatMap(({ local }) => (local === undefined ? [] : [local])),
    ]),
  )
}

/** `ip` also knows the addresses of an interface without a carrier, such as an idle bridge; Node does not. */
async function readAddresses(): Promise<ReadonlyMap<string, readonly string[]>> {
  try {
    const { exitCode, stdout } = await runProgram('ip', ['-j', 'addr'], { timeoutMs: 4000 })
    // Without JSON it is the small one of BusyBox.
    if (exitCode === 0 && stdout.startsWith('[')) return parseIpAddr(stdout)
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error
  }
  const known = Object.entries(networkInterfaces())
  return new Map(known.map(([name, found]) => [name, (found ?? []).map(({ address }) => address)]))
}

async function readInterface(name: string, addresses: readonly string[]) {
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
      .map((address) => clip(address, 80))
      .sort(),
  }
}
