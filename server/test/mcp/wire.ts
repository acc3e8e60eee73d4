/** Requests as they look on the wire, for what the official clients would never send. */

export interface Sent {
  key?: string | null
  headers?: Record<string, string>
  signal?: AbortSignal
}

export const headersOf = (key: string | null | undefined, extra: Record<string, string> = {}) => ({
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  ...(key ? { 'x-api-key': key } : {}),
  ...extra,
})

export function post(url: string, body: unknown, { key, headers, signal }: Sent = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: headersOf(key, headers),
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  })
}

export const rpc = (method: string, params: unknown = {}, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})

export const initialize = (protocolVersion = '2025-11-25', capabilities: unknown = {}) =>
  rpc('initialize', { protocolVersion, capabilities, clientInfo: { name: 'wire', version: '1.0.0' } })

const envelope = (capabilities: object) => ({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'wire', version: '2.0.0' },
  'io.modelcontextprotocol/clientCapabilities': capabilities,
})

/** What a client declares that can follow tasks. */
export const WITH_TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } }

/** A request of revision 2026-07-28 with the headers it must carry. */
export function modern(
  method: string,
  params: Record<string, unknown> = {},
  id: number | string = 1,
  capabilities: object = {},
) {
  const name = params['name'] ?? params['taskId']
  const headers: Record<string, string> = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method }
  if (typeof name === 'string') headers['mcp-name'] = name
  return { body: rpc(method, { ...params, _meta: envelope(capabilities) }, id), headers }
}

/** The events of a stream as they come. */
export async function* events(response: Response): AsyncGenerator<{ event: string; data: string; id?: string }> {
  if (!response.body) return
  let buffer = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    buffer += chunk
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const fields = new Map(
        buffer
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const),
      )
      buffer = buffer.slice(end + 2)
      const id = fields.get('id')
      if (fields.has('data'))
        yield { event: fields.get('event') ?? 'message', data: fields.get('data') ?? '', ...(id && { id }) }
    }
  }
}
