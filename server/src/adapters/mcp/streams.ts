/**
 * Every open event stream, by credential: its caps (CON-9), and its end when the credential stops being good. The
 * authenticator tells of revocations; a slow re-check catches what nobody told this node.
 */
import type { Authenticator } from '../../identity/authenticate.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { LiveCount } from '../../kernel/live-limits.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Limits } from '../http/types.ts'
import { type Principal, callerOf, ownerOf } from './principal.ts'

export type StreamLeg = 'sse' | 'session' | 'listen'

export interface OpenStream {
  /** Aborts when the credential is no longer good or the server stops. */
  signal: AbortSignal
  /** Frees the place; harmless when called twice. */
  release(): void
}

export type StreamAdmission =
  | { ok: true; stream: OpenStream }
  | { ok: false; limit: 'sse_connections' | 'sse_sessions'; retryAfterSeconds: number }

export interface StreamsDeps {
  kernel: Kernel
  authenticator: Authenticator
  metrics: Metrics
  limiter: RateLimiter
  limits: Limits
  /** How often an open stream's credential is looked up again. */
  recheckMs?: number
}

const RECHECK_MS = 60_000
/** No window tells when a place comes free; a short wait is the honest guess. */
const BUSY_RETRY_SECONDS = 10

export class Streams {
  readonly #deps: StreamsDeps
  readonly #open = new Map<string, Set<AbortController>>()
  readonly #unsubscribe: () => void

  constructor(deps: StreamsDeps) {
    this.#deps = deps
    this.#unsubscribe = deps.authenticator.onRevoked((credentialId) => this.cut(credentialId))
  }

  async admit(principal: Principal, leg: StreamLeg): Promise<StreamAdmission> {
    const { limiter, limits } = this.#deps
    const credentialId = principal.identity.credential.id
    const verdict = await limiter.take(`streams:${ownerOf(principal)}`, limits.sseConnectionsPerMinute, 60_000)
    if (!verdict.allowed) return this.#refuse(principal, 'sse_connections', verdict.retryAfterSeconds)
    const open = this.#open.get(credentialId) ?? new Set()
    if (open.size >= limits.sseSessions) return this.#refuse(principal, 'sse_sessions', BUSY_RETRY_SECONDS)
    return { ok: true, stream: this.#track(principal, open, leg) }
  }

  /** Credentials that hold a stream open. */
  credentials(): string[] {
    return [...this.#open.keys()]
  }

  /** How many streams each credential holds open. */
  counts(): LiveCount[] {
    const { sseSessions: most } = this.#deps.limits
    const limit = 'streams_open' as const
    return [...this.#open].map(([credentialId, { size: used }]) => {
      return { limit, credentialId, tool: null, used, most, secondsLeft: null }
    })
  }

  /** Ends every stream of a credential. */
  cut(credentialId: string): void {
    for (const stream of this.#open.get(credentialId) ?? []) stream.abort()
  }

  close(): void {
    this.#unsubscribe()
    for (const credentialId of this.#open.keys()) this.cut(credentialId)
  }

  #track(principal: Principal, open: Set<AbortController>, leg: StreamLeg): OpenStream {
    const { authenticator, metrics, recheckMs = RECHECK_MS } = this.#deps
    const credentialId = principal.identity.credential.id
    const controller = new AbortController()
    this.#open.set(credentialId, open)
    open.add(controller)
    metrics.openStreams.inc({ leg })
    const recheck = async () => {
      if (!(await stillGood(authenticator, principal))) controller.abort()
    }
    const timer = setInterval(() => void recheck(), recheckMs)
    timer.unref()
    const expiry = atExpiry(principal.identity.expiresAt, () => controller.abort())
    const release = () => {
      if (!open.delete(controller)) return
      clearInterval(timer)
      clearTimeout(expiry)
      metrics.openStreams.dec({ leg })
      if (open.size === 0) this.#open.delete(credentialId)
    }
    return { signal: controller.signal, release }
  }

  #refuse(principal: Principal, limit: 'sse_connections' | 'sse_sessions', retryAfterSeconds: number): StreamAdmission {
    this.#deps.kernel.throttled(callerOf(principal), limit, retryAfterSeconds)
    this.#deps.metrics.throttled.inc({ limit })
    return { ok: false, limit, retryAfterSeconds }
  }
}

/** The longest that a timer can wait; whatever lasts longer is looked up again long before. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

function atExpiry(expiresAt: Date | null, run: () => void): NodeJS.Timeout | undefined {
  if (!expiresAt) return undefined
  const timer = setTimeout(run, Math.min(Math.max(0, expiresAt.getTime() - Date.now()), LONGEST_TIMER_MS))
  timer.unref()
  return timer
}

async function stillGood(authenticator: Authenticator, principal: Principal): Promise<boolean> {
  try {
    const identity = await authenticator.authenticate(principal.presented)
    return identity?.credential.id === principal.identity.credential.id
  } catch {
    // A database that doesn't answer for a moment is no revocation; the next round decides.
    return true
  }
}

/** Passes a streamed body on, ends it when the stream's signal aborts, and frees its place whichever way it ends. */
export function supervise(response: Response, stream: OpenStream): Response {
  if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
    stream.release()
    return response
  }
  const reader = response.body.getReader()
  const supervised = new ReadableStream<Uint8Array>({
    start(controller) {
      const cut = () => {
        stream.release()
        void reader.cancel().catch(() => undefined)
        closeQuietly(controller)
      }
      if (stream.signal.aborted) cut()
      else stream.signal.addEventListener('abort', cut, { once: true })
    },
    async pull(controller) {
      const { done, value } = await reader.read()
      if (stream.signal.aborted) return
      if (done) {
        stream.release()
        controller.close()
      } else controller.enqueue(value)
    },
    async cancel(reason) {
      stream.release()
      await reader.cancel(reason)
    },
  })
  return new Response(supervised, { status: response.status, headers: response.headers })
}

export function closeQuietly(controller: ReadableStreamDefaultController): void {
  try {
    controller.close()
  } catch (error) {
    // Already closed or cancelled by the other side: there is nothing left to end.
    if (!(error instanceof TypeError)) throw error
  }
}
