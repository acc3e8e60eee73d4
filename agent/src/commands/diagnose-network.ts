import { isIP } from 'node:net'
import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import { linuxNetwork } from '../platform/linux/network-path.ts'
import { macosNetwork } from '../platform/macos/network-path.ts'
import type { NetworkReader } from '../platform/network-path.ts'
import { windowsNetwork } from '../platform/windows/network-path.ts'
import { inspection } from './inspection.ts'
import { type Check, checkConnect, checkGateway, checkResolve } from './network-checks.ts'

const READERS: Partial<Record<NodeJS.Platform, NetworkReader>> = {
  linux: linuxNetwork,
  win32: windowsNetwork,
  darwin: macosNetwork,
}
const DEFAULT_PORT = 443

/** From near to far: the gateway, names, the target, the Breeze server itself. */
export function diagnoseNetwork({ server }: { server: string }): Executor<'network.diagnose'> {
  return inspection({
    type: 'network.diagnose',
    unsupported: async ({ target }) => {
      if (!READERS[process.platform]) return `the network is not read by this agent on ${process.platform}`
      return target === undefined || isTarget(target) ? undefined : 'the target is neither a host name nor an address'
    },
    look: (args, signal) => look(args, new URL(server), READERS[process.platform], signal),
    text,
  })
}

function isTarget(text: string): boolean {
  return isIP(text) !== 0 || /^(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(text)
}

async function look(
  { target, port }: CommandArgs<'network.diagnose'>,
  server: URL,
  reader: NetworkReader | undefined,
  signal: AbortSignal,
): Promise<ResultData<'network.diagnose'>> {
  if (!reader) throw new Error(`the network is not read by this agent on ${process.platform}`)
  const { source, gateway, nameServers } = await reader.path()
  const serverHost = server.hostname.replaceAll(/^\[|\]$/g, '')
  const serverPort = Number(server.port) || (server.protocol === 'http:' ? 80 : 443)
  const checks = await Promise.all([
    gateway === null ? [] : checkGateway(gateway, (address) => reader.neighbour(address), signal),
    checkTarget(target ?? serverHost, target === undefined ? undefined : (port ?? DEFAULT_PORT), signal),
    checkConnect('server', serverHost, serverPort, signal),
  ])
  return { source, defaultGateway: gateway, nameServers: nameServers.slice(0, 16), checks: checks.flat() }
}

/** Resolved once: the connection goes to the address that is told, not to one that a second answer may give. */
async function checkTarget(host: string, port: number | undefined, signal: AbortSignal): Promise<Check[]> {
  if (isIP(host) !== 0) return port === undefined ? [] : [await checkConnect('connect', host, port, signal)]
  const { address, ...resolved } = await checkResolve(host)
  if (port === undefined || address === undefined) return [resolved]
  const connected = await checkConnect('connect', address, port, signal)
  return [resolved, { ...connected, target: `${host}:${port}` }]
}

function text({ defaultGateway, nameServers, checks }: ResultData<'network.diagnose'>): string {
  return [
    `default gateway: ${defaultGateway ?? 'none'}`,
    `name servers: ${nameServers.join(', ') || 'none'}`,
    ...checks.map(({ check, target, ok, milliseconds, detail }) => {
      const time = milliseconds === null ? '' : ` in ${milliseconds} ms`
      return `${check} ${target}: ${ok ? 'ok' : 'failed'}${time}, ${detail}`
    }),
  ].join('\n')
}
