/** What a browser client on an allowed origin may send and read (MCP transports; RFC 6750). Never cookies. */
const ALLOWED = [
  'authorization',
  'content-type',
  'accept',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'x-api-key',
  'x-breeze-surface',
]
const EXPOSED = ['mcp-session-id', 'mcp-protocol-version', 'retry-after', 'www-authenticate', 'x-request-id']

/** `asked` is a preflight's Access-Control-Request-Headers; undefined on an ordinary request. */
export function corsHeaders(origin: string, asked?: string): Headers {
  const headers = new Headers({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED.join(', '),
    vary: 'Origin',
  })
  if (asked !== undefined) {
    // Mcp-Param-* headers are named by tools, and a wildcard is no prefix: those that were asked for are echoed.
    const params = asked
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => /^mcp-param-[\w-]{1,64}$/.test(name))
    headers.set('access-control-allow-methods', 'GET, POST, DELETE, OPTIONS')
    headers.set('access-control-allow-headers', [...ALLOWED, ...params.slice(0, 20)].join(', '))
    headers.set('access-control-max-age', '600')
  }
  return headers
}

/** For addresses that any page may ask, because no cookie counts there. */
export function openCors(preflight: boolean): Headers {
  const headers = new Headers({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'www-authenticate, retry-after, x-request-id',
  })
  if (preflight) {
    headers.set('access-control-allow-methods', 'GET, POST, OPTIONS')
    headers.set('access-control-allow-headers', 'authorization, content-type, accept, mcp-protocol-version')
    headers.set('access-control-max-age', '3600')
  }
  return headers
}
