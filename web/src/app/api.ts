/** The console's one way to the server. Every answer is either data or a refusal with a remedy; nothing else is thrown. */

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
  if (response.ok) return data as Answer
  const refusal = data['error'] as Refusal | undefined
  throw new ApiError(response.status, refusal ?? { ...UNREACHABLE, code: 'internal' }, data)
}

export const api = {
  get: <Answer>(path: string) => send<Answer>('GET', path),
  post: <Answer>(path: string, body?: unknown) => send<Answer>('POST', path, body),
  delete: <Answer>(path: string) => send<Answer>('DELETE', path),
  /** A tool of the catalogue, through the same door as everybody. */
  tool: <Answer>(name: string, input: unknown = {}) => send<Answer>('POST', `tools/${name}`, input),
}
