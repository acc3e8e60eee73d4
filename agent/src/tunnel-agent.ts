import { request as httpRequest } from 'node:http'
import { Agent, type AgentOptions, request as httpsRequest } from 'node:https'
import { isIPv6, type LookupFunction, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as tlsConnect, type SecureContext } from 'node:tls'

const TUNNEL_TIMEOUT_MS = 15_000

/** https through a proxy: it carries a tunnel (RFC 9110 §9.3.6) and sees neither the server's certificate nor a word. */
export class TunnelAgent extends Agent {
  readonly #proxy: URL
  readonly #secureContext: SecureContext | undefined
  readonly #lookup: LookupFunction | undefined

  constructor(proxy: URL, options: AgentOptions & { secureContext?: SecureContext; lookup?: LookupFunction }) {
    super(options)
    this.#proxy = proxy
    this.#secureContext = options.secureContext
    this.#lookup = options.lookup
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    if (!callback) throw new Error('a tunnel takes its time')
    const finish = (error: Error | null, stream?: Duplex): void => {
      // The type wants a stream beside an error; http.Agent looks at the error first.
      callback(error, stream as Duplex)
    }
    this.#tunnel(options.host ?? '', options.port ?? 443).then(
      (socket) => finish(null, tlsConnect({ ...options, socket })),
      (error: unknown) => finish(error instanceof Error ? error : new Error(String(error))),
    )
    return undefined
  }

  #tunnel(host: string, port: number): Promise<Socket> {
    const proxy = this.#proxy
    const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`
    const settings = {
      method: 'CONNECT',
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      path: target,
      headers: { host: target, ...authorization(proxy) },
      agent: false,
      signal: AbortSignal.timeout(TUNNEL_TIMEOUT_MS),
      ...(this.#lookup && { lookup: this.#lookup }),
      ...(this.#secureContext && { secureContext: this.#secureContext }),
    } as const
    const request = proxy.protocol === 'https:' ? httpsRequest(settings) : httpRequest(settings)
    return new Promise((resolve, reject) => {
      request.on('connect', ({ statusCode = 0 }, socket, head) => {
        if (statusCode === 200 && head.length === 0) return resolve(socket as Socket)
        socket.destroy()
        reject(new Error(`The proxy refused the tunnel (HTTP ${statusCode})`))
      })
      request.on('response', (response) => {
        response.destroy()
        reject(new Error(`The proxy refused the tunnel (HTTP ${response.statusCode ?? 0})`))
      })
      request.on('error', reject)
      request.end()
    })
  }
}

function authorization(proxy: URL): Record<string, string> {
  if (proxy.username === '' && proxy.password === '') return {}
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
}
