/** JSON-RPC replies that the adapter itself gives, before any protocol library is involved. */

export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
/** What the specification's own transports use for HTTP-level refusals. */
export const TRANSPORT_ERROR = -32000
export const SESSION_NOT_FOUND = -32001
/** Outside of JSON-RPC's reserved range, as revision 2026-07-28 asks of codes that a server makes up. */
export const RATE_LIMITED = 429
/** A gate refused what a method other than `tools/call` asked for; the data says why. */
export const REFUSED = 403

export type RequestId = string | number | null

interface RpcError {
  code: number
  message: string
  data?: unknown
}

export function rpcError(
  status: number,
  error: RpcError,
  id: RequestId = null,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ jsonrpc: '2.0', error, id }, { status, headers })
}

/** The id to answer with: only a single request's own id, never a batch's or a notification's. */
export function requestIdOf(body: unknown): RequestId {
  const id = isRecord(body) && typeof body['method'] === 'string' ? body['id'] : null
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

/** Whether this is one request for the method. */
export function isRequest(body: unknown, method: string): body is Record<string, unknown> {
  return isRecord(body) && body['method'] === method && requestIdOf(body) !== null
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What the methods of a task do, as calls of tools: their gates decide. */
const TASK_CALLS: Readonly<Record<string, string>> = {
  'tasks/get': 'get_operation',
  'tasks/update': 'get_operation',
  'tasks/cancel': 'cancel_operation',
}

/** The call whose scope a request needs: of a tool, or as what a task's method does. Null for anything else. */
export function gatedCallOf(body: unknown): { name: string; input: unknown } | null {
  if (!isRecord(body) || typeof body['method'] !== 'string') return null
  const name = Object.hasOwn(TASK_CALLS, body['method']) ? TASK_CALLS[body['method']] : undefined
  if (name === undefined) return toolCallOf(body)
  const params = body['params']
  return requestIdOf(body) === null || !isRecord(params) ? null : { name, input: { operation: params['taskId'] } }
}

/** The tool and arguments of a single `tools/call`; null for anything else. */
export function toolCallOf(body: unknown): { name: string; input: unknown } | null {
  if (!isRequest(body, 'tools/call')) return null
  const params = body['params']
  if (!isRecord(params) || typeof params['name'] !== 'string') return null
  return { name: params['name'], input: params['arguments'] ?? {} }
}
