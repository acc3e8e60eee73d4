/** The console's one way to the server. What is not data is thrown: a refusal with its remedy, or an act that waits. */

export interface Refusal {
  code: string
  reason: string
  remedy: string
  reference?: string
  retry_after_seconds?: number
  required_scope?: string
}

export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly refusal: Refusal
  /** What stood beside the error: whether set-up is needed, which providers there are. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, refusal: Refusal, body: Record<string, unknown>) {
    super(refusal.reason)
    this.status = status
    this.refusal = refusal
    this.body = body
  }
}

/** An act that waits: for the person's own confirmation, or for somebody else's approval. Nothing has happened yet. */
export interface Hold {
  state: 'confirmation_required' | 'approval_required'
  operation: string
  confirmation?: { token: string; expires_at: string }
  approval?: { expires_at: string; url: string }
  [more: string]: unknown
}

export class HeldError extends Error {
  override name = 'HeldError'
  readonly hold: Hold

  constructor(hold: Hold) {
    super('This act waits for a confirmation.')
    this.hold = hold
  }
}

const UNREACHABLE: Refusal = {
  code: 'unreachable',
  reason: 'The server does not answer.',
  remedy: 'Check the connection and try again.',
}

async function send<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`/api/console/${path}`, {
    method,
    credentials: 'same-origin',
    headers: { 'x-breeze-console': '1', ...(method !== 'GET' && { 'content-type': 'application/json' }) },
    ...(method !== 'GET' && { body: JSON.stringify(body ?? {}) }),
    signal: AbortSignal.timeout(60_000),
  }).catch(() => null)
  if (!response) throw new ApiError(0, UNREACHABLE, {})
  const json: unknown = await response.json().catch(() => ({}))
  const data = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {}
  // The server's own contract names each answer's shape.
  if (response.status === 202) throw new HeldError(data as unknown as Hold)
  if (response.ok) return data as Answer
  const refusal = data['error'] as Refusal | undefined
  throw new ApiError(response.status, refusal ?? { ...UNREACHABLE, code: 'internal' }, data)
}

export const api = {
  get: <Answer>(path: string) => send<Answer>('GET', path),
  post: <Answer>(path: string, body?: unknown) => send<Answer>('POST', path, body),
  delete: <Answer>(path: string) => send<Answer>('DELETE', path),
  /** A tool of the catalogue, through the same door as everybody. Rejects with `HeldError` where it asks for a confirmation. */
  tool: <Answer>(name: string, input: unknown = {}) => send<Answer>('POST', `tools/${name}`, input),
}
