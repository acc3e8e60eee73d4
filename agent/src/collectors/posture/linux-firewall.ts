import { readTextIfPresent } from '../../platform/linux.ts'
import { parseShellAssignments } from '../../platform/linux.ts'
import { parseIptablesSave, parseNftRuleset, type InputFilter } from '../../platform/linux/packet-filter.ts'
import { runProgram } from '../../platform/run-program.ts'
import { Unsupported } from '../section.ts'
import type { FindingData, FindingReader } from './finding.ts'

const TIMEOUT_MS = 4000
const MAX_BYTES = 16_000_000

/** The rules in the kernel decide, not what a configuration file wishes; the manager only gives its name. */
export const linuxFirewall = (root = ''): FindingReader<'firewall'> => ({
  source: 'nft, iptables, ufw, firewall-cmd',
  async read(tell): Promise<FindingData<'firewall'>> {
    const [nft, tables, firewalld, ufw] = await Promise.all([
      nftFilter(),
      iptablesFilter(),
      firewalldState(),
      ufwState(root),
    ])
    const installed = [firewalld && 'firewalld', ufw && 'ufw', nft && 'nftables', tables && 'iptables']
    const [first] = installed.filter((name) => typeof name === 'string')
    if (first === undefined) {
      tell({ detail: 'no program that manages or shows rules is installed' })
      return { product: null, installed: false, enabled: false, defaultDenyInbound: null }
    }
    const rules = nft?.active ? nft : tables?.active ? tables : (nft ?? tables)
    if (!rules) throw new Unsupported(`${first} is installed, and nothing that shows the rules in force`)
    const byRules = rules === nft ? 'nftables' : 'iptables'
    const manager = firewalld?.running ? 'firewalld' : ufw?.enabled ? 'ufw' : undefined
    if (rules.detail) tell({ detail: rules.detail })
    return {
      product: rules.active ? (manager ?? byRules) : first,
      installed: true,
      enabled: rules.active,
      defaultDenyInbound: rules.active ? rules.denies : null,
    }
  },
})

interface Filter extends InputFilter {
  detail?: string
}

async function nftFilter(): Promise<Filter | undefined> {
  const output = await run('nft', ['-j', 'list', 'ruleset'])
  return output === undefined ? undefined : overFamilies(parseNftRuleset(output))
}

async function iptablesFilter(): Promise<Filter | undefined> {
  const four = await run('iptables-save', ['-t', 'filter'])
  if (four === undefined) return undefined
  const six = await run('ip6tables-save', ['-t', 'filter'])
  return overFamilies({ ipv4: parseIptablesSave(four), ipv6: parseIptablesSave(six ?? '') })
}

/** Denied is denied over both protocols: an open IPv6 behind a closed IPv4 is an open device. */
async function overFamilies({ ipv4, ipv6 }: Record<'ipv4' | 'ipv6', InputFilter>): Promise<Filter> {
  const active = ipv4.active || ipv6.active
  const hasIpv6 = Boolean(await readTextIfPresent('/proc/net/if_inet6'))
  if (active && ipv4.denies && !ipv6.denies && hasIpv6) {
    return { active, denies: false, detail: 'inbound is denied by default over IPv4 and not over IPv6' }
  }
  return { active, denies: ipv4.denies && (ipv6.denies || !hasIpv6) }
}

async function firewalldState(): Promise<{ running: boolean } | undefined> {
  try {
    const { stdout } = await runProgram('firewall-cmd', ['--state'], { timeoutMs: TIMEOUT_MS })
    return { running: stdout.trim() === 'running' }
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}

async function ufwState(root: string): Promise<{ enabled: boolean } | undefined> {
  const text = await readTextIfPresent(`${root}/etc/ufw/ufw.conf`)
  return text === undefined ? undefined : { enabled: parseShellAssignments(text).get('ENABLED') === 'yes' }
}

/** Undefined where there is no such program. */
async function run(program: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr, exitCode, truncated } = await runProgram(program, args, {
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    })
    if (truncated) throw new Error(`${program} shows more rules than are read`)
    if (exitCode === 0) return stdout
    const reason = `${program} ended with ${exitCode}: ${stderr.trim().split('\n')[0] ?? ''}`
    if (/permission|not permitted|root/i.test(stderr)) throw Object.assign(new Error(reason), { code: 'EPERM' })
    throw new Error(reason)
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}
