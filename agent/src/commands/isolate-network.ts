import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ResultData } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import type { Isolation } from '../isolation.ts'
import type { IsolationState } from '../isolation-file.ts'
import { whyNoIsolation } from '../platform/linux/isolation-rules.ts'
import { ProxyRules } from '../proxy.ts'
import type { NetworkOptions } from '../transport.ts'
import { action, type Done, Refused } from './action.ts'

const TIMEOUT_MS = 60_000

export interface IsolateOptions {
  isolation: Isolation
  servers: readonly string[]
  network: NetworkOptions
}

export function isolateNetwork(options: IsolateOptions): Executor<'network.isolate'> {
  const { isolation } = options
  return action({
    type: 'network.isolate',
    timeoutMs: () => TIMEOUT_MS,
    unsupported: whyNoIsolation,
    async act({ allow, releaseAfterSeconds }) {
      const reached = await whereServersAre(options)
      if (reached.servers.some(({ address }) => isOwn(address)))
        throw new Refused('denied_locally: the server runs here, and every other device would lose it')
      const until =
        releaseAfterSeconds === 0 ? null : new Date(isolation.now() + releaseAfterSeconds * 1000).toISOString()
      const isolated = await isolation.isolate({ ...reached, allow, until })
      return done({ isolated, until }, isolated ? undefined : 'the rules were loaded and are not in force')
    },
  })
}

export function releaseNetwork({ isolation }: Pick<IsolateOptions, 'isolation'>): Executor<'network.release'> {
  return action({
    type: 'network.release',
    timeoutMs: () => TIMEOUT_MS,
    unsupported: whyNoIsolation,
    async act() {
      const isolated = await isolation.release()
      return done({ isolated, until: null }, isolated ? 'the rules are still in force' : undefined)
    },
  })
}

function done(
  data: ResultData<'network.isolate'>,
  failure: string | undefined,
): Done<'network.isolate'> & Done<'network.release'> {
  const text = data.isolated ? `isolated until ${data.until ?? 'it is released'}` : 'not isolated'
  return { data, text, ...(failure !== undefined && { failure }) }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

export function isOwn(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') || own.some((one) => one.address === address)
}

/** Where the servers are: themselves, or the proxy in front of them. All of them, because any may be the next one to turn to. */
export async function whereServersAre({
  servers,
  network,
}: Pick<IsolateOptions, 'servers' | 'network'>): Promise<Pick<IsolationState, 'servers' | 'names'>> {
  const { proxy } = network
  const rules = proxy && new ProxyRules(proxy.address, proxy.exceptions)
  const names: Record<string, string[]> = {}
  const endpoints: IsolationState['servers'] = []
  for (const server of servers) {
    const url = new URL(server)
    const { hostname, port, protocol } = rules?.proxyFor(url) ?? url
    const host = hostname.replace(/^\[|\]$/g, '')
    const addresses = isIP(host) > 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address)
    if (isIP(host) === 0) names[host] = addresses
    const number = Number(port || (protocol === 'https:' ? 443 : 80))
    endpoints.push(...addresses.map((address) => ({ address, port: number })))
  }
  if (endpoints.length === 0) throw new Error('none of the servers has an address')
  return { servers: endpoints, names }
}
