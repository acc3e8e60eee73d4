import { isIPv6 } from 'node:net'
import { errorText } from '../../log.ts'
import { runProgram } from '../run-program.ts'

/** The agent's own table; no other is ever touched. */
export const ISOLATION_TABLE = 'breeze_isolation'

export interface Endpoint {
  address: string
  port: number
}

const DISCOVERY = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert }'

/**
 * Nothing comes in, goes out or through but the named, loopback, DHCP and what finds neighbours. A drop in one table is final
 * whatever another accepts (nft(8)). What may not go out is refused and not swallowed, so that open connections end at once
 * and names fail fast. One transaction: it holds whole, or the old one stays.
 */
export function isolationRules(servers: readonly Endpoint[], allow: readonly Endpoint[]): string {
  const named = [...servers.map((one) => ['tcp', one] as const), ...allow.map((one) => ['{ tcp, udp }', one] as const)]
  const of = (direction: 'saddr' | 'daddr', port: 'sport' | 'dport', state: string): string[] =>
    named.map(([protocols, { address, port: number }]) => {
      const family = isIPv6(address) ? 'ip6' : 'ip'
      return `${family} ${direction} ${address} meta l4proto ${protocols} th ${port} ${number} ${state}accept`
    })
  const input = [
    'iif "lo" accept',
    ...of('saddr', 'sport', 'ct state established '),
    `${DISCOVERY} ip6 hoplimit 255 accept`,
    'udp sport 67 udp dport 68 accept',
    'udp sport 547 udp dport 546 accept',
    'meta l4proto { icmp, ipv6-icmp } ct state related accept',
  ]
  const output = [
    'oif "lo" accept',
    ...of('daddr', 'dport', ''),
    `${DISCOVERY} ip6 hoplimit 255 accept`,
    'udp sport 68 udp dport 67 accept',
    'udp sport 546 udp dport 547 accept',
    'meta l4proto tcp reject with tcp reset',
    'reject with icmpx type admin-prohibited',
  ]
  const chains = [chain('input', input), chain('forward', []), chain('output', output)].join('')
  const name = `table inet ${ISOLATION_TABLE}`
  return `add ${name}\ndelete ${name}\n${name} {\n${chains}}\n`
}

const chain = (hook: string, rules: readonly string[]): string =>
  `  chain ${hook} {\n    type filter hook ${hook} priority -10; policy drop;\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`

/** Why this system can't be isolated. */
export async function whyNoIsolation(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `isolation is not supported by this agent on ${process.platform} yet`
  if (process.getuid?.() !== 0) return 'isolation needs the agent to run as root'
  try {
    const { exitCode, stderr } = await runProgram('nft', ['list', 'tables'])
    return exitCode === 0 ? undefined : `the packet filter can't be used: ${stderr.trim().slice(0, 200)}`
  } catch (error) {
    return `isolation needs nftables: ${errorText(error)}`
  }
}

export async function loadRules(path: string): Promise<void> {
  const { exitCode, stderr } = await runProgram('nft', ['--file', path])
  if (exitCode !== 0) throw new Error(`nft refused the rules: ${stderr.trim().slice(0, 300)}`)
}

/** As the kernel has it: all three ways closed. */
export async function isInForce(): Promise<boolean> {
  const { exitCode, stdout } = await runProgram('nft', ['list', 'table', 'inet', ISOLATION_TABLE])
  return exitCode === 0 && [...stdout.matchAll(/hook (?:input|forward|output) [^;]*; policy drop;/g)].length === 3
}

export async function removeRules(): Promise<void> {
  const { exitCode, stderr } = await runProgram('nft', ['delete', 'table', 'inet', ISOLATION_TABLE])
  if (exitCode !== 0 && !/No such file or directory/.test(stderr)) {
    throw new Error(`nft did not remove the rules: ${stderr.trim().slice(0, 300)}`)
  }
}
