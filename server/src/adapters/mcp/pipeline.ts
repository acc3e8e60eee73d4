/**
 * What happens to every MCP request, whatever its address and revision: authenticate → count → read → the leg that
 * speaks the client's revision.
 */
import { type McpHttpHandler, type McpServer, isJsonContentType, isLegacyRequest } from '@modelcontextprotocol/server'
import type { Context } from 'hono'
import type { ListingFilter } from '../../kernel/kernel.ts'
import { type Gate, challenge } from '../http/credentials.ts'
import { readJson } from '../http/json-body.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import type { HttpDeps, HttpEnv } from '../http/types.ts'
import {
  INVALID_REQUEST,
  SESSION_NOT_FOUND,
  TRANSPORT_ERROR,
  gatedCallOf,
  isRequest,
  requestIdOf,
  rpcError,
  toolCallOf,
} from './json-rpc.ts'
import { type Principal, authInfoOf, callerOf, ownerOf } from './principal.ts'
import {
  badBody,
  insufficientScope,
  missingCapability,
  notAdmitted,
  stopping,
  tooManyMessages,
  tooManyStreams,
} from './refusals.ts'
import { type Sessions, needsSession } from './sessions.ts'
import type { SseLeg } from './sse-leg.ts'
import { serveStateless } from './stateless.ts'
import { type TaskListening, tasksAskedFor, weaveTasks } from './task-stream.ts'
import { type StreamLeg, type Streams, supervise } from './streams.ts'

/** Elements of a 2025-03-26 batch. */
const MAX_BATCH = 50
const MODERN = '2026-07-28'
/** Revisions in which batches exist; a request without the header is taken for the last of them. */
const BATCHING: ReadonlySet<string> = new Set(['2024-11-05', '2025-03-26'])
const MINUTE_MS = 60_000

export interface Address {
  kind: 'main' | 'sse' | 'messages'
  /** Null for an address that names what does not exist. */
  filter: ListingFilter | null
}

export interface Legs {
  modern: McpHttpHandler
  /** The tool that a modern call names, by its request: the library asks for a server without showing the body. */
  modernTools: WeakMap<Request, string>
  sessions: Sessions
  sse: SseLeg
  streams: Streams
  stateless: () => McpServer
  /** What a listening client's tasks are looked up by. */
  tasksOf: (principal: Principal) => TaskListening
}

interface Exchange {
  request: Request
  principal: Principal
  address: Address
  path: string
}

export class Pipeline {
  readonly #deps: HttpDeps & { gate: Gate; limiter: RateLimiter }
  readonly #legs: Legs
  #closed = false

  constructor(deps: HttpDeps & { gate: Gate; limiter: RateLimiter }, legs: Legs) {
    this.#deps = deps
    this.#legs = legs
  }

  /** From now on every message is answered 503. */
  close(): void {
    this.#closed = true
  }

  async serve(c: Context<HttpEnv>, address: Address): Promise<Response> {
    if (this.#closed) return stopping()
    const request = c.req.raw
    const admission = await this.#deps.gate.admit(request.headers, c.get('ip'), c.req.path)
    if (!admission.ok) return notAdmitted(admission)
    c.set('credentialId', admission.identity.credential.id)
    if (!address.filter) return noSuchArea()
    const { identity, presented } = admission
    const userAgent = request.headers.get('user-agent')
    const principal: Principal = { identity, presented, filter: address.filter, userAgent }
    const exchange = { request, principal, address, path: c.req.path }
    if (request.method === 'POST') return this.#post(exchange)
    if (request.method === 'GET') return this.#get(exchange)
    if (request.method === 'DELETE') return this.#delete(exchange)
    return notAllowed(address)
  }

  async #post(exchange: Exchange): Promise<Response> {
    const { request, principal } = exchange
    const overLimit = await this.#count(exchange, 1)
    if (overLimit) return overLimit
    if (!isJsonContentType(request.headers.get('content-type'))) {
      return rpcError(415, { code: TRANSPORT_ERROR, message: 'Content-Type must be application/json.' })
    }
    const body = await readJson(request)
    if (!body.ok) return badBody(body.problem)
    if (Array.isArray(body.value)) {
      const refusal = badBatch(request, body.value) ?? (await this.#count(exchange, body.value.length - 1))
      if (refusal) return refusal
    } else if (typeof body.value !== 'object' || body.value === null) {
      return rpcError(400, { code: INVALID_REQUEST, message: 'This is not a JSON-RPC message.' })
    }
    if (exchange.address.kind === 'messages') return this.#toStream(request, principal, body.value)
    return this.#missingScope(exchange, body.value) ?? this.#route(exchange, body.value)
  }

  async #route(exchange: Exchange, body: unknown): Promise<Response> {
    const { request, principal } = exchange
    if (!(await isLegacyRequest(request, body))) {
      return isRequest(body, 'subscriptions/listen') ? this.#listen(exchange, body) : this.#modern(exchange, body)
    }
    const sessionId = request.headers.get('mcp-session-id')
    if (sessionId !== null) {
      return (await this.#legs.sessions.serve(sessionId, request, principal, body)) ?? sessionNotFound(body)
    }
    if (needsSession(body)) return this.#legs.sessions.open(request, principal, body)
    return serveStateless(this.#legs.stateless(), request, principal, body)
  }

  async #modern({ request, principal }: Exchange, body: unknown): Promise<Response> {
    const call = toolCallOf(body)
    if (call) this.#legs.modernTools.set(request, call.name)
    return this.#legs.modern.fetch(request, { authInfo: authInfoOf(principal), parsedBody: body })
  }

  async #listen(exchange: Exchange, body: unknown): Promise<Response> {
    const { principal } = exchange
    const id = requestIdOf(body)
    const asked = tasksAskedFor(body)
    if (asked && !asked.declared) return missingCapability(id)
    // Each is looked up as if it were asked for.
    const overLimit = asked && (await this.#count(exchange, asked.taskIds.length))
    if (overLimit) return overLimit
    return this.#stream(principal, 'listen', body, async () => {
      const response = await this.#modern(exchange, body)
      return asked ? weaveTasks(response, id, asked.taskIds, this.#legs.tasksOf(principal)) : response
    })
  }

  #toStream(request: Request, principal: Principal, body: unknown): Response {
    const id = new URL(request.url).searchParams.get('sessionId') ?? ''
    return this.#legs.sse.receive(id, request, principal, body) ?? sessionNotFound(body)
  }

  async #get({ request, principal, address }: Exchange): Promise<Response> {
    const sessionId = request.headers.get('mcp-session-id')
    if (address.kind === 'messages' || request.headers.get('mcp-protocol-version') === MODERN)
      return notAllowed(address)
    if (sessionId !== null) {
      return this.#stream(principal, 'session', null, async () => {
        return (await this.#legs.sessions.serve(sessionId, request, principal)) ?? sessionNotFound(null)
      })
    }
    if (address.kind !== 'sse') return notAllowed(address)
    const admission = await this.#legs.streams.admit(principal, 'sse')
    if (!admission.ok) return this.#busy(admission, null)
    return this.#legs.sse.open(principal, admission.stream)
  }

  async #delete(exchange: Exchange): Promise<Response> {
    const { request, principal, address } = exchange
    const sessionId = request.headers.get('mcp-session-id')
    if (sessionId === null || request.headers.get('mcp-protocol-version') === MODERN) return notAllowed(address)
    const overLimit = await this.#count(exchange, 1)
    return overLimit ?? (await this.#legs.sessions.serve(sessionId, request, principal)) ?? sessionNotFound(null)
  }

  /** Opens a stream within the credential's caps; it ends when the credential does. */
  async #stream(principal: Principal, leg: StreamLeg, body: unknown, open: () => Promise<Response>): Promise<Response> {
    const admission = await this.#legs.streams.admit(principal, leg)
    if (!admission.ok) return this.#busy(admission, body)
    try {
      return supervise(await open(), admission.stream)
    } catch (error) {
      admission.stream.release()
      throw error
    }
  }

  #busy(refused: { limit: 'sse_connections' | 'sse_sessions'; retryAfterSeconds: number }, body: unknown): Response {
    const { sseConnectionsPerMinute, sseSessions } = this.#deps.config.limits
    const most = refused.limit === 'sse_connections' ? sseConnectionsPerMinute : sseSessions
    return tooManyStreams(refused.limit, most, refused.retryAfterSeconds, requestIdOf(body))
  }

  /** CON-9: counts messages against the credential; the answer is the refusal, if there is one. */
  async #count({ request, principal }: Exchange, messages: number): Promise<Response | null> {
    if (messages === 0) return null
    const { messagesPerMinute } = this.#deps.config.limits
    const key = `messages:${ownerOf(principal)}`
    const verdict = await this.#deps.limiter.take(key, messagesPerMinute, MINUTE_MS, messages)
    if (verdict.allowed) return null
    this.#deps.kernel.throttled(callerOf(principal), 'messages', verdict.retryAfterSeconds)
    this.#deps.metrics.throttled.inc({ limit: 'messages' })
    return tooManyMessages(request, messagesPerMinute, verdict.retryAfterSeconds)
  }

  /**
   * For OAuth clients a missing scope is an HTTP 403 that starts a step-up, so it is asked for before any reply begins.
   * Everyone else, and every element of a batch, learns it from the tool's own refusal.
   */
  #missingScope({ request, principal, path }: Exchange, body: unknown): Response | null {
    const call = gatedCallOf(body)
    if (!call || principal.identity.credential.kind !== 'oauth_grant') return null
    const scope = this.#deps.kernel.missingScope(callerOf(principal), call.name, call.input)
    if (scope === null) return null
    const asked = { path, host: request.headers.get('host') }
    return insufficientScope(scope, challenge(this.#deps.config, asked, 'insufficient_scope', scope), requestIdOf(body))
  }
}

function badBatch(request: Request, batch: unknown[]): Response | null {
  if (!BATCHING.has(request.headers.get('mcp-protocol-version') ?? '2025-03-26')) {
    return rpcError(400, { code: INVALID_REQUEST, message: 'This protocol revision has no batches.' })
  }
  if (batch.length > 0 && batch.length <= MAX_BATCH) return null
  return rpcError(400, { code: INVALID_REQUEST, message: `A batch holds 1 to ${MAX_BATCH} messages.` })
}

function noSuchArea(): Response {
  return rpcError(404, { code: TRANSPORT_ERROR, message: 'This address names an area that does not exist.' })
}

function sessionNotFound(body: unknown): Response {
  const error = { code: SESSION_NOT_FOUND, message: 'This session does not exist. Initialize a new one.' }
  return rpcError(404, error, requestIdOf(body))
}

function notAllowed(address: Address): Response {
  const allow = { main: 'POST', sse: 'GET, POST', messages: 'POST' }[address.kind]
  return rpcError(405, { code: TRANSPORT_ERROR, message: 'Method not allowed.' }, null, { allow })
}
