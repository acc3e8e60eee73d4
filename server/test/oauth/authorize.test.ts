/** The way to a consent, and everything that must not lead there or away from it. */
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import type { TestBrowser } from '../console/browser.ts'
import { CALLBACK, openConsent, RawClient, register, signedIn } from './assistant.ts'

let world: Harness
let url: string
let browser: TestBrowser
let client: RawClient
beforeAll(async () => {
  world = await boot()
  url = world.server.url
  const acme = await world.organization('Acme')
  browser = await signedIn(world, await world.user('technician', acme.id))
  client = await RawClient.register(url)
})
afterAll(() => world.stop())

const json = async (path: string, init?: RequestInit, origin = url) => {
  const response = await fetch(new URL(path, origin), init)
  const text = await response.text()
  const body: Record<string, unknown> = text.startsWith('{') ? JSON.parse(text) : {}
  return { status: response.status, headers: response.headers, body }
}

/** `fetch` sets the host by itself. */
const withHost = (path: string, host: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const asked = request(new URL(path, url), { headers: { host } }, (response) => {
      response.resume()
      resolve(response)
    })
    asked.on('error', reject)
    asked.end()
  })

const PRM = '/.well-known/oauth-protected-resource'

describe('discovery', () => {
  test('leads from a 401 to everything a client needs', async () => {
    const refused = await fetch(`${url}/api/v1/mcp/directory`, { method: 'POST', body: '{}' })
    expect(refused.headers.get('www-authenticate')).toBe(
      `Bearer scope="ai:read", resource_metadata="${url}/.well-known/oauth-protected-resource/api/v1/mcp/directory"`,
    )
    const resource = await json('/.well-known/oauth-protected-resource/api/v1/mcp/directory')
    expect(resource.body).toMatchObject({
      resource: `${url}/api/v1/mcp/directory`,
      authorization_servers: [url],
      bearer_methods_supported: ['header'],
    })
    expect(resource.body['scopes_supported']).toEqual(expect.arrayContaining(['ai:read', 'ai:write', 'ai:execute']))
    expect(resource.body['scopes_supported']).not.toContain('offline_access')
    expect((await json('/.well-known/oauth-protected-resource')).body['resource']).toBe(`${url}/api/v1/mcp`)
    expect((await json('/.well-known/oauth-protected-resource/api/v1/mcp/areas/devices,scripts')).status).toBe(200)
    expect((await json('/.well-known/oauth-protected-resource/api/v1/tools')).status).toBe(404)
    const server = await json('/.well-known/oauth-authorization-server')
    expect((await json('/.well-known/openid-configuration')).body).toEqual(server.body)
    expect(server.body).toMatchObject({
      issuer: url,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      grant_types_supported: ['authorization_code', 'refresh_token'],
      response_types_supported: ['code'],
    })
    expect((await json('/oauth/jwks')).status).toBe(200)
    for (const path of ['/oauth/userinfo', '/oauth/introspect', '/oauth/par', '/oauth/device', '/oauth/interaction/x'])
      expect([path, (await json(path)).status]).toEqual([path, 404])
  })

  test('answers every origin, without cookies, and only under the public name', async () => {
    const origin = 'https://inspector.example.com'
    for (const path of ['/.well-known/oauth-authorization-server', '/oauth/register', '/oauth/token']) {
      const preflight = await fetch(new URL(path, url), { method: 'OPTIONS', headers: { origin } })
      expect([path, preflight.status]).toEqual([path, 204])
      expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
      expect(preflight.headers.get('access-control-allow-headers')).toContain('content-type')
      expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
    }
    const read = await fetch(new URL('/.well-known/oauth-authorization-server', url), { headers: { origin } })
    expect(read.headers.get('access-control-allow-origin')).toBe('*')
    const { port } = new URL(url)
    const places = ['/.well-known/oauth-authorization-server', '/oauth/authorize', '/oauth/token', `${PRM}/api/v1/mcp`]
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost:1'])
      for (const path of places) expect([path, (await withHost(path, host)).statusCode]).toEqual([path, 421])
    const spoofed = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example', 'x-forwarded-proto': 'https' }
    expect((await json('/.well-known/oauth-authorization-server', { headers: spoofed })).body['issuer']).toBe(url)
  })
})

test('under the other name of this computer, people are led to the public one, and programs find what they asked for', async () => {
  const host = `localhost:${new URL(url).port}`
  const asked = client.authorizationUrl()
  const led = await withHost(asked.pathname + asked.search, host)
  expect([led.statusCode, led.headers.location]).toEqual([302, String(asked)])
  const refused = await withHost('/api/v1/mcp', host)
  expect(refused.headers['www-authenticate']).toContain(`resource_metadata="http://${host}${PRM}/api/v1/mcp"`)
  const described = await json(`${PRM}/api/v1/mcp`, {}, url.replace('127.0.0.1', 'localhost'))
  expect(described.body).toMatchObject({ resource: `http://${host}/api/v1/mcp`, authorization_servers: [url] })
  for (const path of ['/.well-known/oauth-authorization-server', '/oauth/token', '/oauth/register'])
    expect([path, (await withHost(path, host)).statusCode]).toEqual([path, 421])
})

describe('registration', () => {
  test('makes a public client, whatever else was asked for', async () => {
    const answer = await register(url, {
      client_name: 'Neat\u202e\u0000 <b>Tool</b>',
      redirect_uris: [CALLBACK, 'javascript:alert(1)', 'cursor://anysphere.cursor-mcp/oauth/callback'],
      client_id: 'mine',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'implicit', 'password', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
      jwks_uri: 'http://169.254.169.254/',
      logo_uri: 'http://169.254.169.254/logo.png',
      sector_identifier_uri: 'http://169.254.169.254/',
      __proto__: { admin: true },
    })
    const body = (await answer.json()) as Record<string, unknown>
    expect(answer.status).toBe(201)
    expect(body).toMatchObject({
      client_name: 'Neat <b>Tool</b>',
      redirect_uris: [CALLBACK, 'cursor://anysphere.cursor-mcp/oauth/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    })
    expect(body['client_id']).not.toBe('mine')
    expect(Object.keys(body)).not.toContain('client_secret')
    expect(Object.keys(body)).not.toContain('jwks_uri')
  })

  test.each([
    [{}],
    [[]],
    ['x'],
    [{ redirect_uris: 'https://example.com/cb' }],
    [{ redirect_uris: [] }],
    [{ redirect_uris: ['http://example.com/cb'] }],
    [{ redirect_uris: Array.from({ length: 1000 }, (_, index) => `https://example.com/${index}`) }],
    [{ redirect_uris: [CALLBACK], client_name: { toString: 'x' } }],
  ])('refuses %j', async (metadata) => {
    const answer = await register(url, metadata)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: expect.stringMatching(/^invalid_/),
      reference: expect.any(String),
    })
  })

  test('refuses what is too long, too deep or no JSON', async () => {
    const post = (body: string, type = 'application/json') =>
      json('/oauth/register', { method: 'POST', body, headers: { 'content-type': type } })
    expect((await post(`{"redirect_uris":["${'a'.repeat(40_000)}"]}`)).status).toBe(400)
    expect((await post('['.repeat(5000))).status).toBe(400)
    expect((await post('redirect_uris=x', 'application/x-www-form-urlencoded')).status).toBe(400)
  })
})

describe('a request to authorize', () => {
  const refusals: [string, Record<string, string | null>][] = [
    ['an unknown program', { client_id: 'nobody' }],
    ['another way back', { redirect_uri: 'https://evil.example/cb' }],
    ['a longer way back', { redirect_uri: `${CALLBACK}/../evil` }],
    ['a way back with a user', { redirect_uri: 'http://127.0.0.1@evil.example/callback' }],
    ['another host of the loopback kind', { redirect_uri: 'http://[::1]:53682/callback' }],
    ['no challenge', { code_challenge: null, code_challenge_method: null }],
    ['a plain challenge', { code_challenge_method: 'plain' }],
    ['a challenge without a method', { code_challenge_method: null }],
    ['a short challenge', { code_challenge: 'abc' }],
    ['the implicit flow', { response_type: 'token' }],
    ['a foreign resource', { resource: 'https://evil.example/mcp' }],
    ['our host with another path', { resource: 'PLACEHOLDER/api/v1/tools' }],
    ['a silent answer', { prompt: 'none' }],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }],
    ['a request by address', { request_uri: 'http://169.254.169.254/' }],
    ['another response mode', { response_mode: 'web_message' }],
  ]
  test.each(refusals)('with %s sends nobody anywhere', async (_, more) => {
    const params = Object.fromEntries(
      Object.entries(more).map(([name, value]) => [name, value?.replace('PLACEHOLDER', url) ?? null]),
    )
    const opened = await browser.visit(String(client.authorizationUrl(params)))
    expect(opened.location).toBeNull()
    expect(opened.status).toBe(400)
    expect(opened.body).toContain('Reference <code>')
    expect(opened.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(opened.headers.get('referrer-policy')).toBe('no-referrer')
    expect(opened.body).not.toMatch(/<script|onerror/i)
  })

  test.each(['client_id', 'redirect_uri', 'code_challenge', 'state', 'scope'])(
    'that names %s twice is refused, in either order',
    async (name) => {
      const address = client.authorizationUrl()
      for (const before of [true, false]) {
        const query = before ? `${name}=x&${address.searchParams}` : `${address.searchParams}&${name}=x`
        const opened = await browser.visit(`/oauth/authorize?${query}`)
        expect([before, opened.location, opened.status]).toEqual([before, null, 400])
      }
    },
  )

  test('from any port of the own computer is let on, under either of its names', async () => {
    for (const way of ['http://127.0.0.1:1/callback', 'http://localhost:60000/callback']) {
      const opened = await browser.visit(String(client.authorizationUrl({ redirect_uri: way })))
      expect([way, opened.location]).toEqual([way, expect.stringMatching(/^\/consent\//)])
    }
  })

  test('for any spelling of ours is for the one resource; scopes of others are left out', async () => {
    for (const resource of [
      `${url}/api/v1/mcp/`,
      `${url.replace('http', 'HTTP')}/api/v1/mcp`,
      url,
      `${url}/api/v1/mcp/sse`,
    ]) {
      const { view } = await openConsent(
        browser,
        client.authorizationUrl({ resource, scope: 'openid ai:read offline_access made:up' }),
      )
      expect((view['scopes'] as { scope: string }[]).map((item) => item.scope)).toEqual(['ai:read'])
    }
    const { view } = await openConsent(browser, client.authorizationUrl({ scope: null, resource: null }))
    expect((view['scopes'] as { scope: string }[]).map((item) => item.scope)).toEqual(['ai:read'])
  })

  test('by a stranger who registered an address of theirs is no way to send people there', async () => {
    const evil = await RawClient.register(url, { redirect_uris: ['https://evil.example/cb'] })
    for (const more of [{ prompt: 'none' }, { response_type: 'token' }, { resource: 'https://evil.example/' }]) {
      const opened = await browser.visit(
        String(evil.authorizationUrl({ redirect_uri: 'https://evil.example/cb', ...more })),
      )
      expect([opened.status, opened.location]).toEqual([400, null])
    }
  })
})
