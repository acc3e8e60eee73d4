/** The adapter's own refusals, as a model can read them: throttles, bad bodies, missing credentials and scopes. */
import type { Denial } from '@breeze/contract/governance'
import { type JsonBody, readJson } from '../http/json-body.ts'
import type { NotAdmitted } from '../http/credentials.ts'
import {
  INVALID_REQUEST,
  PARSE_ERROR,
  RATE_LIMITED,
  type RequestId,
  TRANSPORT_ERROR,
  requestIdOf,
  rpcError,
} from './json-rpc.ts'
import { tasksNeeded } from './tasks.ts'

/** Enough for any ordinary request; a throttled one is read only to answer with its id. */
const MAX_THROTTLED_BYTES = 64 * 1024

export function notAdmitted(admission: NotAdmitted): Response {
  if (admission.status === 503) {
    const error = {
      code: TRANSPORT_ERROR,
      message: 'Breeze can not check credentials at the moment. Try again shortly.',
    }
    return rpcError(503, error, null, { 'retry-after': '5' })
  }
  if (admission.status === 429) {
    return throttled('Too many failed sign-ins from this address.', admission.retryAfterSeconds, null)
  }
  const error = {
    code: TRANSPORT_ERROR,
    message: 'A valid credential is needed: send an API key as X-API-Key or as Authorization: Bearer.',
  }
  return rpcError(401, error, null, { 'www-authenticate': admission.challenge })
}

export function stopping(): Response {
  const error = { code: TRANSPORT_ERROR, message: 'This server is stopping. Try again shortly.' }
  return rpcError(503, error, null, { 'retry-after': '5' })
}

export async function tooManyMessages(
  request: Request,
  perMinute: number,
  retryAfterSeconds: number,
): Promise<Response> {
  const body = await readJson(request, MAX_THROTTLED_BYTES)
  const id = body.ok ? requestIdOf(body.value) : null
  return throttled(`This credential may send ${perMinute} messages a minute.`, retryAfterSeconds, id)
}

export function tooManyStreams(
  limit: 'sse_connections' | 'sse_sessions',
  most: number,
  retryAfterSeconds: number,
  id: RequestId,
): Response {
  const reason =
    limit === 'sse_connections'
      ? `This credential may open ${most} streams a minute.`
      : `This credential may hold ${most} streams open at once.`
  return throttled(reason, retryAfterSeconds, id)
}

export function badBody(problem: Extract<JsonBody, { ok: false }>['problem']): Response {
  if (problem === 'too_large') {
    const error = { code: TRANSPORT_ERROR, message: 'The request body is over 1 MiB.' }
    return rpcError(413, error, null, { connection: 'close' })
  }
  if (problem === 'too_deep') return rpcError(400, { code: INVALID_REQUEST, message: 'The JSON is nested too deeply.' })
  return rpcError(400, { code: PARSE_ERROR, message: 'The request body is not valid JSON.' })
}

/** RFC 6750 §3.1: the challenge names every scope this operation needs. */
export function insufficientScope(scope: string, challenge: string, id: RequestId): Response {
  const data = {
    code: 'insufficient_scope',
    reason: `This call needs the scope ${scope}.`,
    remedy: 'Ask for the scope by authorizing again.',
    required_scope: scope,
  }
  const message = `${data.reason} ${data.remedy}`
  return rpcError(403, { code: TRANSPORT_ERROR, message, data }, id, { 'www-authenticate': challenge })
}

/** Revision 2026-07-28: who asks for tasks must be able to read them. */
export function missingCapability(id: RequestId): Response {
  const { code, message, data } = tasksNeeded()
  return rpcError(400, { code, message, data }, id)
}

function throttled(reason: string, seconds: number, id: RequestId): Response {
  const data: Denial = {
    code: 'rate_limited',
    reason,
    remedy: `Wait ${seconds} seconds, then try again.`,
    retry_after_seconds: seconds,
  }
  const error = { code: RATE_LIMITED, message: `${data.reason} ${data.remedy}`, data }
  return rpcError(429, error, id, { 'retry-after': String(seconds) })
}
