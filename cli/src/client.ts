/** Speaks REST to one server: lists tools, calls them, asks how it is. */
import { Failure } from './failure.ts'
import type { Server } from './server.ts'
import { VERSION } from './version.ts'

/** A call may wait 45 seconds for devices. */
const CALL_TIMEOUT_MS = 60_000
const PROBE_TIMEOUT_MS = 5000

export type Json = Readonly<Record<string, unknown>>

export interface ListedTool {
  name: string
  title: string
  description: string
  inputSchema: Json
}

export interface Held {
  state: string
  operation: string
  plan: {
    summary: string
    blast_radius: { devices: number; names: string[]; sites: number; organizations: number; servers: number }
    irreversible: string[]
    warnings: string[]
  }
  confirmation?: { token: string; expires_at: string }
  audit_entry?: string
}

export type Reply = { status: 'done'; data: Json } | { status: 'held'; held: Held }

export class Client {
  readonly origin: string
  readonly #headers: Record<string, string>

  constructor(server: Server) {
    this.origin = server.origin
    this.#headers = {
      authorization: `Bearer ${server.token}`,
      'x-breeze-surface': 'cli',
      'user-agent': `breeze-cli/${VERSION}`,
    }
  }

  async tools(): Promise<ListedTool[]> {
    const { body } = await this.#send('/api/v1/tools', {})
    // The server's own listing; its shape is its contract.
    return (body as { tools: ListedTool[] }).tools
  }

  async call(tool: string, input: Json): Promise<Reply> {
    const path = `/api/v1/tools/${encodeURIComponent(tool)}`
    const init = { method: 'POST', body: JSON.stringify(input), headers: { 'content-type': 'application/json' } }
    const { status, body } = await this.#send(path, init)
    // 202 is how the server answers a held call, in the documented shape.
    return status === 202 ? { status: 'held', held: body as unknown as Held } : { status: 'done', data: body }
  }

  async #send(path: string, init: RequestInit): Promise<{ status: number; body: Json }> {
    const response = await reach(
      this.origin,
      path,
      { ...init, headers: { ...init.headers, ...this.#headers } },
      CALL_TIMEOUT_MS,
    )
    const body = await jsonOf(this.origin, response)
    if (response.ok) return { status: response.status, body }
    throw refusal(response.status, body)
  }
}

/** Version and readiness need no credential. */
export async function probe(origin: string): Promise<{ version: string; ready: boolean }> {
  const health = await jsonOf(origin, await reach(origin, '/healthz', {}, PROBE_TIMEOUT_MS))
  const readiness = await reach(origin, '/readyz', {}, PROBE_TIMEOUT_MS)
  await readiness.body?.cancel()
  return { version: String(health['version'] ?? 'unknown'), ready: readiness.ok }
}

async function reach(origin: string, path: string, init: RequestInit, timeoutMs: number): Promise<Response> {
  try {
    // A redirect could carry the key to somebody else.
    return await fetch(`${origin}${path}`, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    throw new Failure('unreachable', `Breeze does not answer at ${origin}: ${reasonOf(error, timeoutMs)}.`, {
      remedy: 'Check that it runs and that the address is right.',
      cause: error,
    })
  }
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'the connection failed'
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} seconds`
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const known: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'the name is unknown',
    EAI_AGAIN: 'the name could not be looked up',
    ECONNRESET: 'the connection was cut',
    ETIMEDOUT: 'the connection timed out',
    EHOSTUNREACH: 'the host is unreachable',
  }
  return known[code] ?? (cause instanceof Error ? cause.message : error.message)
}

async function jsonOf(origin: string, response: Response): Promise<Json> {
  const text = await response.text().catch(() => '')
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Json
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new Failure('unreachable', `What answers at ${origin} is not Breeze (HTTP ${response.status}).`, {
    remedy: 'Check the address.',
  })
}

function refusal(status: number, body: Json): Failure {
  const inner = body['error']
  const said: Json = typeof inner === 'object' && inner !== null ? { ...(inner as Json), ...body } : body
  const { error: _, ...detail } = said
  const reason = typeof said['reason'] === 'string' ? said['reason'] : `The server answered with HTTP ${status}.`
  const remedy = typeof said['remedy'] === 'string' ? said['remedy'] : undefined
  // What the server can't read is for the person at the keyboard to correct, like a wrong option.
  const kind = said['code'] === 'invalid_input' || said['code'] === 'unknown_tool' ? 'usage' : 'refused'
  return new Failure(kind, reason, { ...(remedy !== undefined && { remedy }), detail })
}
