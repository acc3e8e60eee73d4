/** The stateless 2025 leg: one server and one transport per POST, answered as plain JSON. */
import { type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { type Principal, authInfoOf } from './principal.ts'

export async function serveStateless(
  server: McpServer,
  request: Request,
  principal: Principal,
  body: unknown,
): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  await server.connect(transport)
  try {
    const answer = transport.handleRequest(acceptingJson(request), {
      authInfo: authInfoOf(principal),
      parsedBody: body,
    })
    return await Promise.race([answer, gone(request.signal)])
  } finally {
    // Also ends the waiting of a client that has gone: without a stream there is no way back to it. Its work goes on.
    await transport.close()
    await server.close()
  }
}

/** Resolves when the client has gone; the closed transport would otherwise never answer. */
function gone(signal: AbortSignal): Promise<Response> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(new Response(null, { status: 499 })), { once: true })
  })
}

/** Scripts often send no Accept header, or a wildcard; they can read JSON, which is all this leg answers with. */
function acceptingJson(request: Request): Request {
  const accept = request.headers.get('accept')
  const lenient = accept === null || accept.includes('*/*') || accept.trim() === 'application/json'
  if (!lenient) return request
  const headers = new Headers(request.headers)
  headers.set('accept', 'application/json, text/event-stream')
  return new Request(request.url, { method: request.method, headers })
}
