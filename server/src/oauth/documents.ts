/**
 * Client ID Metadata Documents: the program's id is the URL of its description. Whoever opens our authorize page chooses that
 * URL, so the request is the attacker's: only public addresses, connected to by the address that was vetted, no redirects,
 * little to read and little time.
 */
import { lookup } from 'node:dns/promises'
import { request } from 'node:https'
import { isIP } from 'node:net'
import { LocalRateLimiter } from '../kernel/rate-limit.ts'
import { isPublicAddress } from '../kernel/public-address.ts'
import { type ClientDescription, readDescription } from './client-metadata.ts'

const LONGEST_BYTES = 5 * 1024
const PATIENCE_MS = 2500
const KEPT_MS = 5 * 60_000
const REFUSED_MS = 60_000
const KEPT = 500
/** Of all strangers together, and for one host: nobody uses this server to press on another. */
const PER_MINUTE = 60
const PER_HOST_AND_MINUTE = 6

export interface DocumentsParts {
  now(): Date
  /** All addresses of a name; tests give their own. */
  resolve?(host: string): Promise<readonly string[]>
  /** Reads the document from one vetted address; tests give their own. */
  read?(url: URL, address: string, signal: AbortSignal): Promise<unknown>
  vet?(address: string): boolean
}

/** A URL that can name a program: https, a path, nothing that another spelling could hide in. */
export function isDocumentUrl(id: string): boolean {
  if (id.length > 500 || !/^https:\/\/[\x21-\x7e]+$/.test(id)) return false
  const url = URL.parse(id)
  if (!url || url.username !== '' || url.password !== '' || url.hash !== '' || url.port !== '') return false
  if (url.href !== id || url.pathname === '/' || /[\\#]|%2e|%2f|%5c/i.test(id)) return false
  return (
    isIP(url.hostname.replaceAll(/^\[|\]$/g, '')) === 0 && url.hostname.includes('.') && !url.hostname.endsWith('.')
  )
}

export class Documents {
  readonly #parts: DocumentsParts
  readonly #limits = new LocalRateLimiter()
  readonly #kept = new Map<string, { client: ClientDescription | null; until: number }>()
  readonly #running = new Map<string, Promise<ClientDescription | null>>()

  constructor(parts: DocumentsParts) {
    this.#parts = parts
  }

  /** Null for a document that can't be had or does not describe this very id. Also that is remembered for a while. */
  async describe(id: string): Promise<ClientDescription | null> {
    const kept = this.#kept.get(id)
    if (kept && kept.until > this.#parts.now().getTime()) return kept.client
    const running = this.#running.get(id)
    if (running) return running
    if (!this.#mayAsk(new URL(id).hostname)) return null
    const asked = this.#fetch(id).finally(() => this.#running.delete(id))
    this.#running.set(id, asked)
    return asked
  }

  #mayAsk(host: string): boolean {
    return (
      this.#limits.take('all', PER_MINUTE, 60_000).allowed &&
      this.#limits.take(`host ${host}`, PER_HOST_AND_MINUTE, 60_000).allowed
    )
  }

  async #fetch(id: string): Promise<ClientDescription | null> {
    const client = await this.#ask(id).catch(() => null)
    if (this.#kept.size >= KEPT) this.#kept.clear()
    this.#kept.set(id, { client, until: this.#parts.now().getTime() + (client ? KEPT_MS : REFUSED_MS) })
    return client
  }

  async #ask(id: string): Promise<ClientDescription | null> {
    const { resolve = resolveAll, read = readDocument, vet = isPublicAddress } = this.#parts
    const url = new URL(id)
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const addresses = await Promise.race([resolve(url.hostname), aborted(signal)])
    const [first] = addresses
    // One bad address among good ones is no accident.
    if (first === undefined || !addresses.every((address) => vet(address))) return null
    const value = await Promise.race([read(url, first, signal), aborted(signal)])
    if (typeof value !== 'object' || value === null || !('client_id' in value) || value.client_id !== id) return null
    if ('client_secret' in value || 'client_secret_expires_at' in value) return null
    const reading = readDescription(value)
    return reading.ok ? reading.client : null
  }
}

const resolveAll = async (host: string): Promise<string[]> =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address)

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the document took too long')), { once: true })
  })

/** Connects to this address and no other, whatever the name resolves to by now. */
export function readDocument(
  url: URL,
  address: string,
  signal: AbortSignal,
  from: { port: number; ca?: string } = { port: 443 },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: address,
        servername: url.hostname,
        ...from,
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'Breeze' },
        signal,
        agent: false,
        maxHeaderSize: 8 * 1024,
      },
      (response) => {
        const type = response.headers['content-type'] ?? ''
        const refused =
          response.statusCode !== 200 ||
          !/^application\/(?:[\w.-]+\+)?json\b/i.test(type) ||
          (response.headers['content-encoding'] ?? 'identity') !== 'identity'
        if (refused) return void asked.destroy(new Error('this is no document'))
        const chunks: Buffer[] = []
        let received = 0
        response.on('data', (chunk: Buffer) => {
          received += chunk.length
          if (received > LONGEST_BYTES) asked.destroy(new Error('the document is too long'))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')))
          } catch (error) {
            reject(error)
          }
        })
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}
