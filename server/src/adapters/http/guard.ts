/**
 * Host and Origin: a web page must not reach this server under a name of its own (DNS rebinding), nor from a foreign
 * origin (MCP specification, transports, security warning).
 */
import { isIP } from 'node:net'
import type { HttpConfig } from './types.ts'

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

export interface Guard {
  allowsHost(host: string): boolean
  allowsOrigin(origin: string): boolean
}

export function createGuard(config: Pick<HttpConfig, 'publicUrl' | 'host'>): Guard {
  const publicUrl = new URL(config.publicUrl)
  const local = LOOPBACK_NAMES.has(config.host) || config.host === '::1'
  return {
    allowsHost(host) {
      const name = hostName(host)
      return name !== null && (name === publicUrl.hostname || (local && LOOPBACK_NAMES.has(name)))
    },
    allowsOrigin(origin) {
      const url = URL.parse(origin)
      // A browser's opaque origin is the word `null`, which is no URL.
      if (!url || url.origin === 'null') return false
      return url.origin === publicUrl.origin || (local && url.protocol === 'http:' && LOOPBACK_NAMES.has(url.hostname))
    },
  }
}

/** An address can't be rebound: probes of an orchestrator name the server by its address. */
export function isAddressHost(host: string): boolean {
  const name = hostName(host)
  return name !== null && isIP(name.replaceAll(/^\[|\]$/g, '')) !== 0
}

function hostName(host: string): string | null {
  if (!/^[\w.[\]:-]+$/.test(host)) return null
  return URL.parse(`http://${host}`)?.hostname ?? null
}
