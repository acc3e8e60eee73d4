/**
 * The sessionful 2025 leg: only for clients that can be asked something back (elicitation, sampling). A session belongs
 * to one principal and credential; for anyone else its id does not exist. Nothing lives only here: a lost session costs
 * the client one `initialize`.
 */
import { randomUUID } from 'node:crypto'
import { type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import type { Metrics } from '../http/metrics.ts'
import { RecentEvents } from './event-store.ts'
import { isRecord, isRequest } from './json-rpc.ts'
import { type Principal, authInfoOf, ownerOf } from './principal.ts'

const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000
const PER_OWNER = 32
const IN_ALL = 2_000
const RETRY_MS = 1_000

interface Session {
  id: string
  owner: string
  credentialId: string
  server: McpServer
  transport: WebStandardStreamableHTTPServerTransport
  usedAt: number
}

export interface SessionLimits {
  idleMs?: number
  perOwner?: number
  inAll?: number
}

export class Sessions {
  // In order of use: the first is the one unused for longest.
  readonly #sessions = new Map<string, Session>()
  readonly #build: () => McpServer
  readonly #metrics: Metrics
  readonly #limits: Required<SessionLimits>
  readonly #sweeper: NodeJS.Timeout

  constructor(build: () => McpServer, metrics: Metrics, limits: SessionLimits = {}) {
    this.#build = build
    this.#metrics = metrics
    this.#limits = { idleMs: IDLE_MS, perOwner: PER_OWNER, inAll: IN_ALL, ...limits }
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(SWEEP_MS, this.#limits.idleMs))
    this.#sweeper.unref()
  }

  /** Answers an `initialize` and keeps the session it opens. */
  async open(request: Request, principal: Principal, body: unknown): Promise<Response> {
    const server = this.#build()
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: new RecentEvents(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => this.#keep({ id, server, transport, ...ownership(principal), usedAt: Date.now() }),
    })
    await server.connect(transport)
    return transport.handleRequest(request, { authInfo: authInfoOf(principal), parsedBody: body })
  }

  /** The answer of the session that the id names, or null when this principal has no such session. */
  async serve(id: string, request: Request, principal: Principal, body?: unknown): Promise<Response | null> {
    const session = this.#sessions.get(id)
    if (!session || session.owner !== ownerOf(principal)) return null
    this.#touch(session)
    const response = await session.transport.handleRequest(request, {
      authInfo: authInfoOf(principal),
      ...(body !== undefined && { parsedBody: body }),
    })
    if (request.method === 'DELETE' && response.ok) await this.#end(session)
    return response
  }

  /** Ends every session of a credential, with the streams in it. */
  endOf(credentialId: string): void {
    for (const session of this.#sessions.values()) if (session.credentialId === credentialId) void this.#end(session)
  }

  servers(): McpServer[] {
    return [...this.#sessions.values()].map((session) => session.server)
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    await Promise.all([...this.#sessions.values()].map((session) => this.#end(session)))
  }

  #keep(session: Session): void {
    const own = [...this.#sessions.values()].filter((other) => other.owner === session.owner)
    if (own.length >= this.#limits.perOwner && own[0]) void this.#end(own[0])
    const [oldest] = this.#sessions.values()
    if (this.#sessions.size >= this.#limits.inAll && oldest) void this.#end(oldest)
    this.#sessions.set(session.id, session)
    this.#metrics.sessions.set(this.#sessions.size)
  }

  #touch(session: Session): void {
    session.usedAt = Date.now()
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  async #end(session: Session): Promise<void> {
    this.#sessions.delete(session.id)
    this.#metrics.sessions.set(this.#sessions.size)
    await session.transport.close()
    await session.server.close()
  }

  #sweep(): void {
    const before = Date.now() - this.#limits.idleMs
    for (const session of this.#sessions.values()) if (session.usedAt < before) void this.#end(session)
  }
}

/** Whether this `initialize` comes from a client that needs a session, because we may have to ask it something. */
export function needsSession(body: unknown): boolean {
  if (!isRequest(body, 'initialize')) return false
  const params = body['params']
  const capabilities = isRecord(params) ? params['capabilities'] : null
  return isRecord(capabilities) && ('elicitation' in capabilities || 'sampling' in capabilities)
}

const ownership = (principal: Principal) => ({
  owner: ownerOf(principal),
  credentialId: principal.identity.credential.id,
})
