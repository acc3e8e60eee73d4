/**
 * Requests to addresses that people typed: public ones, connected to by the address that was vetted, no redirects, little time,
 * and nothing of the answer is read but its status. Hosts inside one's own network must be named by the operator.
 */
import { lookup } from 'node:dns/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { isPublicAddress } from '../../kernel/public-address.ts'

const PATIENCE_MS = 10_000

export interface OutboundOptions {
  /** `host` or `host:port` that may be private, and may be reached without TLS. */
  ownHosts: readonly string[]
  /** All addresses of a name; tests give their own. */
  resolve?(host: string): Promise<readonly string[]>
}

/** Told to people: never the address, which may be a secret. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
}

export class Outbound {
  readonly #own: ReadonlySet<string>
  readonly #resolve: (host: string) => Promise<readonly string[]>

  constructor({ ownHosts, resolve = resolveAll }: OutboundOptions) {
    this.#own = new Set(ownHosts.map((host) => host.toLowerCase()))
    this.#resolve = resolve
  }

  /** What is wrong with an address that somebody wants to use; null where nothing is. */
  complaint(address: string): string | null {
    const url = URL.parse(address)
    if (!url || !/^https?:$/.test(url.protocol)) return 'must be an https URL'
    if (url.username !== '' || url.password !== '') return 'must not hold a user or password'
    if (url.protocol === 'http:' && !this.#isOwn(url)) return 'must be https, or a host in BREEZE_WEBHOOK_HOSTS'
    return null
  }

  /** Throws `OutboundError` for an answer that is no success. */
  async post(address: string, body: string, headers: Readonly<Record<string, string>>): Promise<void> {
    if (this.complaint(address) !== null) throw new OutboundError('its address may not be used any more')
    const url = new URL(address)
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const connectTo = await this.#vetted(url)
    const status = await send(url, connectTo, body, headers, signal).catch((error: unknown) => {
      throw new OutboundError(reasonOf(error, signal))
    })
    if (status < 200 || status >= 300) throw new OutboundError(`it answered ${status}`)
  }

  async #vetted(url: URL): Promise<string> {
    const host = url.hostname.replaceAll(/^\[|\]$/g, '')
    const addresses = isIP(host) ? [host] : await this.#resolve(host).catch(() => [])
    const [first] = addresses
    if (first === undefined) throw new OutboundError('its host has no address')
    // One private address among public ones is no accident.
    if (!this.#isOwn(url) && !addresses.every(isPublicAddress))
      throw new OutboundError('its host is in a private network; an operator can name it in BREEZE_WEBHOOK_HOSTS')
    return first
  }

  #isOwn(url: URL): boolean {
    return this.#own.has(url.hostname.toLowerCase()) || this.#own.has(url.host.toLowerCase())
  }
}

const resolveAll = async (host: string): Promise<string[]> =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address)

function send(
  url: URL,
  connectTo: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<number> {
  const secure = url.protocol === 'https:'
  const request = secure ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: connectTo,
        port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
        ...(secure && { servername: url.hostname }),
        method: 'POST',
        path: `${url.pathname}${url.search}`,
        headers: {
          host: url.host,
          'user-agent': 'Breeze',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...headers,
        },
        signal,
        agent: false,
        maxHeaderSize: 16 * 1024,
      },
      (response) => {
        resolve(response.statusCode ?? 0)
        response.destroy()
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return `it did not answer within ${PATIENCE_MS / 1000} seconds`
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^[A-Z_]{3,60}$/.test(code) ? `it could not be reached (${code})` : 'it could not be reached'
}
