/** From a request to a caller, or to the refusal that tells a client how to get in (RFC 6750 §3, RFC 9728 §5.1). */
import { hash } from 'node:crypto'
import type { Identity, PresentedCredential } from '../../identity/authenticate.ts'
import { LocalRateLimiter } from '../../kernel/rate-limit.ts'
import type { HttpConfig, HttpDeps } from './types.ts'

/** Failed attempts a minute from one address, after which only credentials known to be good are still looked up. */
const FAILURES_PER_MINUTE = 60
const KNOWN_GOOD = 10_000

export type Admission =
  | { ok: true; identity: Identity; presented: PresentedCredential }
  | { ok: false; status: 401; challenge: string }
  | { ok: false; status: 429; retryAfterSeconds: number }
  /** The credential could not be looked up: nobody can say whether it is good. */
  | { ok: false; status: 503 }
export type NotAdmitted = Extract<Admission, { ok: false }>

export interface Gate {
  /** `path` is the resource that was asked for: each has its own metadata document. */
  admit(headers: Headers, ip: string | null, path: string): Promise<Admission>
}

type GateDeps = Pick<HttpDeps, 'authenticator' | 'config' | 'metrics' | 'log'>

export function createGate(deps: GateDeps): Gate {
  const failures = new LocalRateLimiter(Date.now, 10_000)
  const known = new KnownCredentials()

  return {
    async admit(headers, ip, path) {
      const presented = { authorization: headers.get('authorization'), apiKey: headers.get('x-api-key'), ip }
      const digest = digestOf(presented)
      const host = headers.get('host')
      if (!digest) return unauthenticated(deps, { path, host }, null)
      const source = ip ?? 'local'
      if (!known.has(digest)) {
        const verdict = failures.exhausted(source, FAILURES_PER_MINUTE)
        if (!verdict.allowed) return { ok: false, status: 429, retryAfterSeconds: verdict.retryAfterSeconds }
      }
      try {
        const identity = await deps.authenticator.authenticate(presented)
        if (identity) {
          known.add(digest)
          return { ok: true, identity, presented }
        }
      } catch (error) {
        deps.log.error({ err: error }, 'a credential could not be looked up')
        return { ok: false, status: 503 }
      }
      // One that was good until now has ended, as access tokens do every quarter of an hour: nobody is guessing.
      if (!known.delete(digest)) failures.take(source, FAILURES_PER_MINUTE, 60_000)
      return unauthenticated(deps, { path, host }, 'invalid_token')
    },
  }
}

function unauthenticated(deps: GateDeps, asked: AskedFor, error: 'invalid_token' | null): NotAdmitted {
  deps.metrics.refusedCredentials.inc()
  return { ok: false, status: 401, challenge: challenge(deps.config, asked, error) }
}

/** A resource, and the name of the server under which it was asked for. */
export interface AskedFor {
  path: string
  host: string | null
}

/** The WWW-Authenticate value. Without a presented credential there is no error to name (RFC 6750 §3.1). */
export function challenge(
  config: HttpConfig,
  { path, host }: AskedFor,
  error: 'invalid_token' | 'insufficient_scope' | null,
  scope = 'ai:read',
): string {
  const parts = [
    ...(error ? [`error="${error}"`] : []),
    `scope="${scope}"`,
    ...(config.resourceMetadataUrl ? [`resource_metadata="${config.resourceMetadataUrl(path, host)}"`] : []),
  ]
  return `Bearer ${parts.join(', ')}`
}

/** Digests of credentials that were good a moment ago, so that a neighbour's failing script can't lock them out. */
class KnownCredentials {
  readonly #digests = new Set<string>()

  has(digest: string): boolean {
    return this.#digests.has(digest)
  }

  add(digest: string): void {
    if (this.#digests.has(digest)) return
    if (this.#digests.size >= KNOWN_GOOD) this.#digests.clear()
    this.#digests.add(digest)
  }

  delete(digest: string): boolean {
    return this.#digests.delete(digest)
  }
}

function digestOf(presented: PresentedCredential): string | null {
  if (presented.authorization === null && presented.apiKey === null) return null
  return hash('sha256', `${presented.authorization ?? ''}\n${presented.apiKey ?? ''}`, 'base64')
}
