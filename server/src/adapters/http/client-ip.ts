/** The client's address: the socket's, unless the peer is a proxy we were told to trust. */
import { BlockList, isIP } from 'node:net'

export type IsTrusted = (address: string) => boolean

/** Takes addresses and CIDR blocks; throws on one that is neither, because a typo must not silently widen trust. */
export function trustedAddresses(entries: readonly string[]): IsTrusted {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix] = entry.trim().split('/')
    const family = familyOf(address)
    if (!family) throw new Error(`"${entry}" is not an address or a CIDR block`)
    const bits = prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix)
    // Number('') is 0, and /0 would trust everybody.
    if (prefix?.trim() === '') throw new Error(`"${entry}" is not an address or a CIDR block`)
    list.addSubnet(address, bits, family)
  }
  return (address) => {
    const family = familyOf(address)
    return family !== null && list.check(address, family)
  }
}

/** The right-most address of X-Forwarded-For that no trusted proxy owns; what stands left of it may be invented. */
export function clientIp(peer: string | null, forwardedFor: string | null, isTrusted: IsTrusted): string | null {
  if (peer === null) return null
  let client = plainAddress(peer)
  if (!forwardedFor) return client
  const hops = forwardedFor.split(',').slice(-20).toReversed()
  for (const hop of hops) {
    if (!isTrusted(client)) return client
    const address = plainAddress(hop.trim())
    if (isIP(address) === 0) return client
    client = address
  }
  return client
}

const loopback = trustedAddresses(['127.0.0.0/8', '::1'])
const local = trustedAddresses([
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
])

export const isLoopback = (address: string): boolean => loopback(address)
/** Loopback and private ranges. */
export const isLocal = (address: string): boolean => local(address)

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : null
}

/** Without the port, the brackets and the IPv4-in-IPv6 prefix that sockets and proxies add. */
function plainAddress(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1]
  const address = bracketed ?? (/^[\d.]+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text)
  return address.toLowerCase().startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
