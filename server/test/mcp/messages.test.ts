import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KEYS, type Running, startDouble } from './double.ts'
import { headersOf, initialize, modern, post, rpc } from './wire.ts'

let server: Running
beforeAll(async () => {
  server = await startDouble()
})
afterAll(() => server.close())
beforeEach(() => {
  server.kernel.invocations.length = 0
})

const key = KEYS.technician
const list = rpc('tools/list')
const call = (name: string, input: unknown = {}) => rpc('tools/call', { name, arguments: input })

/** What the legs have in common is tried in each era. */
const ERAS = {
  'the initialize era': (method: string, params: Record<string, unknown> = {}) => ({
    body: rpc(method, params),
    headers: {},
  }),
  'revision 2026-07-28': (method: string, params: Record<string, unknown> = {}) => modern(method, params),
}

describe('credentials', () => {
  it.each(['', '/areas/devices', '/areas/nonsense', '/directory', '/sse', '/messages'])(
    'answers 401 without one at %s',
    async (path) => {
      const response = await post(`${server.url}${path}`, list)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer scope="ai:read"')
      expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32000 }, id: null })
    },
  )

  it.each(['', '/sse'])('answers 401 to GET and DELETE as well at %s', async (path) => {
    for (const method of ['GET', 'DELETE']) expect((await fetch(`${server.url}${path}`, { method })).status).toBe(401)
  })

  it('names the error once a credential was presented', async () => {
    const response = await post(server.url, list, { key: 'brz_wrong' })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token", scope="ai:read"')
  })

  it('takes a key as X-API-Key and as a bearer token', async () => {
    expect((await post(server.url, list, { key })).status).toBe(200)
    expect((await post(server.url, list, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200)
  })

  it('answers 503, not 401, while credentials can not be looked up', async () => {
    server.authenticator.broken = true
    for (const url of [server.url, `${server.origin}/api/v1/tools/list_devices`]) {
      const response = await post(url, list, { key })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('5')
      expect(await response.text()).not.toContain('refused"')
    }
    server.authenticator.broken = false
  })

  it('names the metadata of the very path when there is an authorization server', async () => {
    const well = 'http://127.0.0.1:7777/.well-known/oauth-protected-resource'
    const other = await startDouble({ config: { resourceMetadataUrl: (path) => `${well}${path}` } })
    const response = await post(`${other.url}/directory`, list)
    expect(response.headers.get('www-authenticate')).toBe(
      'Bearer scope="ai:read", resource_metadata="http://127.0.0.1:7777/.well-known/oauth-protected-resource/api/v1/mcp/directory"',
    )
    await other.close()
  })
})

describe('bodies', () => {
  it.each([
    ['malformed JSON', '{"jsonrpc":', -32700],
    ['nothing', '', -32700],
    ['null', 'null', -32600],
    ['a number', '7', -32600],
    ['an object that is no message', '{"hello":1}', -32600],
    ['10,000-deep lists', '['.repeat(10_000) + ']'.repeat(10_000), -32600],
    ['10,000-deep objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, -32600],
  ])('refuses %s with 400', async (_what, body, code) => {
    for (const path of ['', '/sse']) {
      const response = await post(`${server.url}${path}`, body, { key })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code }, id: null })
    }
  })

  it('takes brackets inside strings for what they are', async () => {
    const response = await post(server.url, call('list_devices', { text: '['.repeat(10_000) }), { key })
    expect(response.status).toBe(200)
  })

  it('refuses 5 MB with 413', async () => {
    const response = await post(server.url, call('list_devices', { text: 'x'.repeat(5_000_000) }), { key })
    expect(response.status).toBe(413)
  })

  it('stops reading a body of undeclared length once it is too long', async () => {
    const { status, sent } = await streamBody(server.url, headersOf(key), 64 * 1024 * 1024)
    expect(status).toBe(413)
    expect(sent).toBeLessThan(16 * 1024 * 1024)
  })

  it('refuses other content types with 415', async () => {
    expect((await post(server.url, list, { key, headers: { 'content-type': 'text/plain' } })).status).toBe(415)
  })

  it('answers scripts that accept anything, or say nothing', async () => {
    for (const accept of ['*/*', 'application/json']) {
      const response = await post(server.url, call('list_devices'), { key, headers: { accept } })
      expect(await response.json()).toMatchObject({ result: { structuredContent: { total: 1 } } })
    }
  })
})

describe.each(Object.entries(ERAS))('calls in %s', (_era, message) => {
  it('refuses arguments of the wrong type through the tool', async () => {
    const { body, headers } = message('tools/call', { name: 'list_devices', arguments: { limit: 'many' } })
    const response = await post(server.url, body, { key, headers })
    expect(await response.json()).toMatchObject({
      result: { isError: true, structuredContent: { code: 'invalid_input', audit_entry: 'audit-refused' } },
    })
  })

  it('refuses arguments that are no object as a protocol error', async () => {
    const { body, headers } = message('tools/call', { name: 'list_devices', arguments: 'all' })
    expect(await (await post(server.url, body, { key, headers })).json()).toMatchObject({ error: { code: -32602 } })
  })

  it('answers an unknown tool with -32602, naming the audit entry', async () => {
    const { body, headers } = message('tools/call', { name: 'no_such_tool', arguments: {} })
    expect(await (await post(server.url, body, { key, headers })).json()).toMatchObject({
      error: { code: -32602, data: { code: 'unknown_tool', audit_entry: 'audit-refused' } },
    })
    expect(server.kernel.invocations.map((invocation) => invocation.tool)).toEqual(['no_such_tool'])
  })

  it('answers an unknown method with -32601', async () => {
    const { body, headers } = message('no/such/method')
    expect(await (await post(server.url, body, { key, headers })).json()).toMatchObject({ error: { code: -32601 } })
  })

  it('refuses an unknown cursor', async () => {
    const { body, headers } = message('tools/list', { cursor: 'nowhere' })
    expect(await (await post(server.url, body, { key, headers })).json()).toMatchObject({ error: { code: -32602 } })
  })

  it('says nothing about what went wrong inside', async () => {
    server.kernel.broken = true
    const calls = [message('tools/call', { name: 'list_devices', arguments: {} }), message('tools/list')]
    for (const { body, headers } of calls) {
      const text = await (await post(server.url, body, { key, headers })).text()
      expect(text).toContain('-32603')
      expect(text).not.toContain('secret')
    }
    server.kernel.broken = false
  })

  it('stops waiting when the client has gone, and leaves the work alone', async () => {
    const { body, headers } = message('tools/call', { name: 'run_script', arguments: {} })
    const leaving = new AbortController()
    const answer = post(server.url, body, { key, headers, signal: leaving.signal })
    await expect.poll(() => server.kernel.invocations.length).toBe(1)
    const signal = server.kernel.invocations[0]?.signal
    expect(signal?.aborted).toBe(false)
    leaving.abort()
    await expect(answer).rejects.toThrow('abort')
    await expect.poll(() => signal?.aborted).toBe(true)
  })
})

/** The names a list holds at an address. */
async function names(path: string): Promise<string[]> {
  // The reply of the protocol's own method.
  const reply = (await (await post(`${server.url}${path}`, list, { key })).json()) as {
    result: { tools: { name: string }[] }
  }
  return reply.result.tools.map((tool) => tool.name)
}

describe('listing', () => {
  it('is narrowed by the address', async () => {
    expect(await names('')).toHaveLength(5)
    expect(await names('/areas/alerts')).toEqual(['acknowledge_alerts', 'manage_alerts'])
    expect(await names('/areas/scripts,alerts')).toEqual(['acknowledge_alerts', 'manage_alerts', 'run_script'])
    expect(await names('/directory')).not.toContain('manage_alerts')
  })

  it('keeps its order', async () => {
    expect(await names('')).toEqual(await names(''))
  })

  it('has no address for an area that does not exist', async () => {
    expect((await post(`${server.url}/areas/alerts,nonsense`, list, { key })).status).toBe(404)
    expect((await post(`${server.url}/areas/`, list, { key })).status).toBe(404)
  })

  it('tells a 2026 client how long it may keep the list, for itself only', async () => {
    const { body, headers } = modern('tools/list')
    expect(await (await post(server.url, body, { key, headers })).json()).toMatchObject({
      result: { ttlMs: 30_000, cacheScope: 'private' },
    })
  })
})

describe('revisions', () => {
  it.each(['2025-03-26', '2025-06-18', '2025-11-25'])('speaks %s', async (revision) => {
    const reply = await (await post(server.url, initialize(revision), { key })).json()
    expect(reply).toMatchObject({ result: { protocolVersion: revision, serverInfo: { name: 'breeze-rmm' } } })
  })

  it('offers its newest handshake revision to a client with a newer one', async () => {
    const reply = await (await post(server.url, initialize('2027-01-01'), { key })).json()
    expect(reply).toMatchObject({ result: { protocolVersion: '2025-11-25' } })
  })

  it('refuses a header of an unknown revision', async () => {
    expect((await post(server.url, list, { key, headers: { 'mcp-protocol-version': '1999-01-01' } })).status).toBe(400)
  })

  it.each([
    ['the method', { 'mcp-method': 'tools/list' }],
    ['the tool', { 'mcp-name': 'list_devices' }],
    ['the revision', { 'mcp-protocol-version': '2025-11-25' }],
  ])('refuses a 2026 request whose header contradicts %s of its body', async (_what, wrong) => {
    const { body, headers } = modern('tools/call', { name: 'run_script', arguments: {} })
    const response = await post(server.url, body, { key, headers: { ...headers, ...wrong } })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: -32020 } })
    expect(server.kernel.invocations).toEqual([])
  })

  it('refuses a 2026 request without its headers', async () => {
    const response = await post(server.url, modern('tools/list').body, { key })
    expect(response.status).toBe(400)
  })

  it('refuses a 2026 header without the envelope', async () => {
    const response = await post(server.url, list, { key, headers: modern('tools/list').headers })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: -32602 } })
  })
})

describe('methods', () => {
  it('has no GET, DELETE or PUT without a session', async () => {
    for (const method of ['GET', 'DELETE', 'PUT']) {
      const response = await fetch(server.url, { method, headers: headersOf(key) })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
    }
  })

  it('opens no stream for HEAD, nor for GET at the messages address', async () => {
    expect((await fetch(`${server.url}/sse`, { method: 'HEAD', headers: headersOf(key) })).status).toBe(405)
    expect((await fetch(`${server.url}/messages`, { headers: headersOf(key) })).status).toBe(405)
  })

  it('has no GET in revision 2026-07-28, whatever session it names', async () => {
    const headers = headersOf(key, { 'mcp-protocol-version': '2026-07-28', 'mcp-session-id': 'any' })
    expect((await fetch(server.url, { headers })).status).toBe(405)
  })
})

/** Sends a chunked body until the server answers; `fetch` would insist on sending all of it. */
function streamBody(
  url: string,
  headers: Record<string, string>,
  bytes: number,
): Promise<{ status: number; sent: number }> {
  return new Promise((resolve, reject) => {
    let sent = 0
    const request = httpRequest(url, { method: 'POST', headers })
    const chunk = Buffer.alloc(64 * 1024, 'x')
    request.on('response', (response) => {
      resolve({ status: response.statusCode ?? 0, sent })
      request.destroy()
    })
    request.on('error', reject)
    const push = () => {
      if (request.destroyed || sent >= bytes) return
      sent += chunk.length
      if (request.write(chunk)) setImmediate(push)
      else request.once('drain', push)
    }
    push()
  })
}
