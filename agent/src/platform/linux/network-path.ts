import * as z from 'zod'
import { readText, readTextIfPresent } from '../linux.ts'
import type { NetworkReader } from '../network-path.ts'
import { runProgram } from '../run-program.ts'

const RESOLV_CONF = '/etc/resolv.conf'
/** What resolved itself asks, behind its own address. */
const UPSTREAMS = '/run/systemd/resolve/resolv.conf'

export const linuxNetwork: NetworkReader = {
  async path() {
    const four = parseRoutes(await readText('/proc/net/route'))
    const six = four === null ? parseRoutes6((await readTextIfPresent('/proc/net/ipv6_route')) ?? '') : null
    const servers = parseNameServers((await readTextIfPresent(RESOLV_CONF)) ?? '')
    const stub = servers.some((server) => server.startsWith('127.'))
    const upstreams = stub ? parseNameServers((await readTextIfPresent(UPSTREAMS)) ?? '') : []
    return {
      source: `/proc/net/route, /proc/net/ipv6_route, ${RESOLV_CONF}`,
      gateway: four ?? six,
      nameServers: [...new Set([...servers, ...upstreams])],
    }
  },
  async neighbour(address) {
    if (!address.includes(':')) return parseArp(await readText('/proc/net/arp'), address)
    const [host = '', zone = ''] = address.split('%')
    const { stdout, exitCode } = await runProgram('ip', ['-j', '-6', 'neigh', 'show', host, 'dev', zone], {
      timeoutMs: 3000,
    })
    return exitCode === 0 ? parseNeighbours(stdout) : null
  },
}

const UP = 0x1
const GATEWAY = 0x2
const REJECT = 0x200

/** The gateway of the default route with the lowest metric. Addresses are 32-bit words in the machine's own order. */
export function parseRoutes(text: string): string | null {
  let best: { metric: number; gateway: string } | undefined
  for (const line of text.split('\n').slice(1)) {
    const [, destination, gateway, flags, , , metric, mask] = line.split('\t').map((field) => field.trim())
    if (destination !== '00000000' || mask !== '00000000' || gateway === undefined) continue
    const bits = Number.parseInt(flags ?? '', 16)
    if ((bits & UP) === 0 || (bits & GATEWAY) === 0 || (bits & REJECT) !== 0) continue
    const bytes = gateway.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []
    if (best && best.metric <= Number(metric)) continue
    best = { metric: Number(metric), gateway: bytes.toReversed().join('.') }
  }
  return best?.gateway ?? null
}

export function parseRoutes6(text: string): string | null {
  let best: { metric: number; gateway: string } | undefined
  for (const line of text.split('\n')) {
    const [destination, prefix, , , hop, metric, , , flags, name] = line.trim().split(/\s+/)
    if (prefix !== '00' || !/^0{32}$/.test(destination ?? '') || hop === undefined || name === undefined) continue
    const bits = Number.parseInt(flags ?? '', 16)
    if (/^0{32}$/.test(hop) || (bits & GATEWAY) === 0 || (bits & REJECT) !== 0) continue
    const cost = Number.parseInt(metric ?? '', 16)
    if (best && best.metric <= cost) continue
    const address = shorten(hop)
    best = { metric: cost, gateway: address.startsWith('fe80:') ? `${address}%${name}` : address }
  }
  return best?.gateway ?? null
}

/** `URL` writes an IPv6 address in its one canonical form (RFC 5952). */
function shorten(hex: string): string {
  return new URL(`http://[${(hex.match(/.{4}/g) ?? []).join(':')}]`).hostname.slice(1, -1)
}

export function parseNameServers(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+([0-9a-f.:%a-z_-]{2,80})\s*(?:[#;].*)?$/gim)].map(
    (match) => match[1] ?? '',
  )
}

/** arp(7): a complete entry was answered. Undefined of it means that nobody has asked lately. */
export function parseArp(text: string, address: string): boolean | null {
  for (const line of text.split('\n').slice(1)) {
    const [ip, , flags] = line.trim().split(/\s+/)
    if (ip === address) return (Number.parseInt(flags ?? '', 16) & 0x2) !== 0
  }
  return null
}

const neighbours = z.array(z.object({ state: z.array(z.string()).optional() }))

function parseNeighbours(stdout: string): boolean | null {
  const [first] = neighbours.parse(JSON.parse(stdout || '[]'))
  if (!first) return null
  return !first.state?.some((state) => state === 'FAILED' || state === 'INCOMPLETE')
}
