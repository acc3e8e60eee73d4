import { readFile } from 'node:fs/promises'
import type { Agent } from 'node:http'
import type { LookupFunction } from 'node:net'
import { Agent as HttpsAgent } from 'node:https'
import { createSecureContext, getCACertificates } from 'node:tls'
import { ProxyRules } from './proxy.ts'
import { TunnelAgent } from './tunnel-agent.ts'

/** How the network is reached: which proxy, which roots of trust. One for all connections of a process. */
export interface Transport {
  /** What `http.request`, `https.request` and `ws` take as `agent`; undefined for a plain connection of their own. */
  agentFor(url: URL): Agent | undefined
  /** How names are resolved, where it is not as usual. */
  lookup?: LookupFunction
}

export const DIRECT: Transport = { agentFor: () => undefined }

export interface NetworkOptions {
  proxy?: { address: URL; exceptions: string }
  /** A file of PEM certificates; `only`: the system's own are trusted no more. */
  ca?: { path: string; only: boolean }
}

export async function openTransport({ proxy, ca }: NetworkOptions, lookup?: LookupFunction): Promise<Transport> {
  if (!proxy && !ca) return lookup ? { ...DIRECT, lookup } : DIRECT
  const roots = ca && (await readRoots(ca))
  const secure = roots && { secureContext: createSecureContext({ ca: roots }) }
  const shared = { keepAlive: true, ...(lookup && { lookup }), ...secure }
  const direct = roots && new HttpsAgent(shared)
  const tunnel = proxy && new TunnelAgent(proxy.address, shared)
  const rules = proxy && new ProxyRules(proxy.address, proxy.exceptions)
  return {
    ...(lookup && { lookup }),
    agentFor(url) {
      if (url.protocol !== 'https:') return undefined
      return rules?.proxyFor(url) ? tunnel : direct
    },
  }
}

async function readRoots({ path, only }: NonNullable<NetworkOptions['ca']>): Promise<string[]> {
  const pem = await readFile(path, 'utf8')
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new Error(`No certificate in ${path}`)
  return only ? [pem] : [...getCACertificates('default'), pem]
}
