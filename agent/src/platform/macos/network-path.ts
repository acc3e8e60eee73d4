import { getServers } from 'node:dns'
import type { NetworkReader } from '../network-path.ts'
import { runProgram } from '../run-program.ts'

export const macosNetwork: NetworkReader = {
  async path() {
    const four = parseRouteGet((await runProgram('/sbin/route', ['-n', 'get', 'default'])).stdout)
    const six =
      four === null ? parseRouteGet((await runProgram('/sbin/route', ['-n', 'get', '-inet6', 'default'])).stdout) : null
    return { source: 'route, the system’s resolver', gateway: four ?? six, nameServers: getServers() }
  },
  async neighbour(address) {
    if (address.includes(':')) return null
    return parseArpLine((await runProgram('/usr/sbin/arp', ['-n', address])).stdout)
  },
}

export function parseRouteGet(stdout: string): string | null {
  return /^\s*gateway: (\S+)$/m.exec(stdout)?.[1] ?? null
}

/** `? (192.0.2.1) at 0:1:2:3:4:5 on en0 ifscope [ethernet]`, `… at (incomplete) on …`, `… -- no entry`. */
export function parseArpLine(stdout: string): boolean | null {
  if (/\bat \(incomplete\)/.test(stdout)) return false
  return /\bat [0-9a-f:]+ on /i.test(stdout) ? true : null
}
