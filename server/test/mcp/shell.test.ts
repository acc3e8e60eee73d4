import { request as httpRequest } from 'node:http'
import { Writable } from 'node:stream'
import { Hono } from 'hono'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHttpApp } from '../../src/adapters/http/app.ts'
import type { HttpEnv } from '../../src/adapters/http/types.ts'
import { AuthenticatorDouble, KEYS, KernelDouble, type Running, depsOf, listen, startDouble } from './double.ts'
import { headersOf, post, rpc } from './wire.ts'

let server: Running
beforeAll(async () => {
  server = await startDouble()
})
afterAll(() => server.close())

const key = KEYS.technician

/** `fetch` does not let a Host header through. */
function get(
  origin: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${origin}${path}`, { headers }, (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, headers: response.headers })
    })
    request.on('error', reject)
    request.end()
  })
}

describe('Host', () => {
  it.each(['127.0.0.1:7777', 'localhost', 'localhost:1', '[::1]:80'])('%s is served on loopback', async (host) => {
    // Let in, and then asked for a credential.
    expect((await get(server.origin, '/api/v1/tools', { host })).status).toBe(401)
  })

  it.each(['evil.example', 'evil.example:7777', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.7'])(
    '%s is refused',
    async (host) => {
      for (const path of ['/', '/api/v1/mcp', '/api/v1/tools', '/nothing']) {
        expect((await get(server.origin, path, { host })).status).toBe(403)
      }
    },
  )

  it('of a probe may be an address, which no one can rebind', async () => {
    expect((await get(server.origin, '/healthz', { host: '10.0.0.7:8080' })).status).toBe(200)
    expect((await get(server.origin, '/healthz', { host: 'evil.example' })).status).toBe(403)
  })

  it('is the public one only, where the server does not listen on loopback', async () => {
    const config = { publicUrl: 'https://rmm.example.com', host: '0.0.0.0' }
    const other = await startDouble({ config })
    expect((await get(other.origin, '/api/v1/tools', { host: 'rmm.example.com' })).status).toBe(401)
    expect((await get(other.origin, '/', { host: 'localhost' })).status).toBe(403)
    expect(
      (await get(other.origin, '/', { host: 'rmm.example.com' })).headers['strict-transport-security'],
    ).toBeDefined()
    await other.close()
  })
})

describe('Origin', () => {
  it.each(['https://evil.example', 'null', 'http://localhost.evil.example', 'file://', 'https://127.0.0.1:7777', ''])(
    '"%s" is refused',
    async (origin) => {
      const response = await get(server.origin, '/api/v1/mcp', headersOf(key, { origin }))
      expect(response.status).toBe(403)
      expect(response.headers['access-control-allow-origin']).toBeUndefined()
    },
  )

  it.each(['http://127.0.0.1:7777', 'http://localhost:6274'])('%s may call and read the answer', async (origin) => {
    const response = await post(`${server.origin}/api/v1/mcp`, rpc('tools/list'), { key, headers: { origin } })
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
    expect(response.headers.get('access-control-expose-headers')).toContain('mcp-session-id')
    expect(response.headers.get('access-control-expose-headers')).toContain('www-authenticate')
  })

  it('is asked for by a preflight, which needs no credential', async () => {
    const response = await fetch(`${server.origin}/api/v1/mcp`, {
      method: 'OPTIONS',
      headers: {
        origin: 'http://localhost:6274',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, mcp-param-region, x-evil',
      },
    })
    expect(response.status).toBe(204)
    const allowed = response.headers.get('access-control-allow-headers')
    for (const name of ['authorization', 'mcp-protocol-version', 'mcp-method', 'mcp-session-id', 'mcp-param-region']) {
      expect(allowed).toContain(name)
    }
    expect(allowed).not.toContain('x-evil')
  })
})

describe('probes', () => {
  it('say that the process is up and whether it can serve', async () => {
    expect(await (await fetch(`${server.origin}/healthz`)).json()).toMatchObject({ status: 'ok' })
    expect((await fetch(`${server.origin}/readyz`)).status).toBe(200)
  })

  it.each([
    ['draining', async () => false],
    ['without its database', () => Promise.reject(new Error('connection refused'))],
  ])('answer 503 while the server is %s', async (_state, ready) => {
    const other = await startDouble({ ready })
    expect((await fetch(`${other.origin}/readyz`)).status).toBe(503)
    expect((await fetch(`${other.origin}/healthz`)).status).toBe(200)
    await other.close()
  })

  it('show metrics to the machine itself, never through a proxy from outside', async () => {
    await post(`${server.origin}/api/v1/mcp`, rpc('tools/call', { name: 'list_devices', arguments: {} }), { key })
    const text = await (await fetch(`${server.origin}/metrics`)).text()
    expect(text).toMatch(/breeze_tool_calls_total\{tool="list_devices",channel="mcp",outcome="done"\} [1-9]/)
    expect(text).toContain('route="/api/v1/mcp"')
    expect(text).toContain('nodejs_eventloop_lag_seconds')
    expect((await fetch(`${server.origin}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.7' } })).status).toBe(
      404,
    )
  })

  it('never take a name that no tool has for a label', async () => {
    await post(`${server.origin}/api/v1/tools/invented_by_client`, {}, { key })
    const text = await (await fetch(`${server.origin}/metrics`)).text()
    expect(text).not.toContain('invented_by_client')
    expect(text).toContain('tool="unknown"')
  })
})

describe('every answer', () => {
  it.each(['/', '/nothing', '/healthz', '/api/v1/mcp'])('carries the security headers: %s', async (path) => {
    const { headers } = await fetch(`${server.origin}${path}`)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
  })

  it('says nothing about what went wrong inside', async () => {
    const failing = new Hono<HttpEnv>()
    failing.get('/api/v1/failing', () => {
      throw new Error('select secret from /srv/keys')
    })
    const deps = depsOf(new KernelDouble(), new AuthenticatorDouble())
    const { app } = createHttpApp({ ...deps, mounts: [failing] })
    const response = await app.request('http://127.0.0.1/api/v1/failing')
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
    expect((await app.request('http://127.0.0.1/nothing')).headers.get('content-type')).toContain('application/json')
  })

  it('caps the bodies of mounted routes too', async () => {
    const mounted = new Hono<HttpEnv>()
    mounted.post('/api/v1/mounted', async (c) => c.text(String((await c.req.text()).length)))
    const { app } = createHttpApp({ ...depsOf(new KernelDouble(), new AuthenticatorDouble()), mounts: [mounted] })
    const running = await listen(app.fetch)
    const send = (bytes: number) => post(`${running.origin}/api/v1/mounted`, 'x'.repeat(bytes))
    expect(await (await send(10)).text()).toBe('10')
    expect((await send(2_000_000)).status).toBe(413)
    running.server.close()
  })
})

describe('the access log', () => {
  it('has no secret and no query, and the client as trusted proxies name it', async () => {
    const lines: string[] = []
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString())
        done()
      },
    })
    const deps = depsOf(new KernelDouble(), new AuthenticatorDouble(), { config: { trustedProxies: ['127.0.0.0/8'] } })
    const { app } = createHttpApp({ ...deps, log: pino(sink) })
    const running = await listen(app.fetch)
    const headers = { 'x-forwarded-for': '198.51.100.9, 203.0.113.7' }
    await post(`${running.origin}/api/v1/mcp?token=${key}`, rpc('tools/list'), { key, headers })
    expect(lines.join('')).not.toContain(key)
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      method: 'POST',
      path: '/api/v1/mcp',
      status: 200,
      ip: '203.0.113.7',
      credential: 'key-1',
    })
    running.server.close()
  })
})
