import { BlockList, isIP } from 'node:net'

/** Which proxy stands between this device and the servers, and for which of them it does not. */
export class ProxyRules {
  readonly #proxy: URL
  readonly #direct: readonly ((host: string, port: string) => boolean)[]

  /** `noProxy` as in NO_PROXY: names (with all below them), addresses, networks, each with a port where wanted; `*`. */
  constructor(proxy: URL, noProxy: string) {
    this.#proxy = proxy
    this.#direct = noProxy
      .split(/[\s,]+/)
      .filter((entry) => entry !== '')
      .map(exception)
  }

  /** Only https goes through it: plain http is for the loopback, and must not be carried away from there. */
  proxyFor(url: URL): URL | undefined {
    if (url.protocol !== 'https:') return undefined
    const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
    const port = url.port === '' ? '443' : url.port
    return this.#direct.some((matches) => matches(host, port)) ? undefined : this.#proxy
  }
}

function exception(entry: string): (host: string, port: string) => boolean {
  if (entry === '*') return () => true
  if (/^[\d.a-f:]+\/\d+$/i.test(entry)) return network(entry)
  const [, name = '', wantedPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
  const bare = name.toLowerCase().replace(/^\*?\./, '')
  return (host, port) =>
    (wantedPort === undefined || wantedPort === port) &&
    (host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`)))
}

function network(entry: string): (host: string) => boolean {
  const [address = '', prefix = ''] = entry.split('/')
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  try {
    list.addSubnet(address, Number(prefix), family)
  } catch {
    // Not a network after all. Other programs read the same variable and pass over what they don't know.
    return () => false
  }
  return (host) => {
    const version = isIP(host)
    return version !== 0 && list.check(host, version === 6 ? 'ipv6' : 'ipv4')
  }
}
