import { afterEach, describe, expect, it } from 'vitest'
import { type DoubleOptions, KEYS, type Running, startDouble } from './double.ts'
import { events, headersOf, initialize, modern, post, rpc } from './wire.ts'

let server: Running
afterEach(() => server.close())

const key = KEYS.technician
const list = rpc('tools/list', {}, 'request-9')
const start = async (limits: DoubleOptions['limits']) => {
  server = await startDouble({ limits: limits ?? {} })
}

async function expectThrottled(response: Response, id: string | number | null): Promise<void> {
  expect(response.status).toBe(429)
  const wait = Number(response.headers.get('retry-after'))
  expect(wait).toBeGreaterThan(0)
  expect(wait).toBeLessThanOrEqual(60)
  expect(await response.json()).toMatchObject({
    jsonrpc: '2.0',
    id,
    error: {
      code: 429,
      message: expect.stringContaining('Wait'),
      data: { code: 'rate_limited', retry_after_seconds: wait },
    },
  })
}

describe('messages over the limit', () => {
  it.each([
    ['the stateless leg', '', () => ({ body: list, headers: {} })],
    ['revision 2026-07-28', '', () => modern('tools/list', {}, 'request-9')],
    ['Streamable HTTP at the SSE address', '/sse', () => ({ body: list, headers: {} })],
    ['an area', '/areas/devices', () => ({ body: list, headers: {} })],
  ])('are refused with the request id on %s', async (_leg, path, message) => {
    await start({ messagesPerMinute: 2 })
    const { body, headers } = message()
    for (let sent = 0; sent < 2; sent++)
      expect((await post(`${server.url}${path}`, body, { key, headers })).status).toBe(200)
    await expectThrottled(await post(`${server.url}${path}`, body, { key, headers }), 'request-9')
    expect(server.kernel.throttles).toEqual([{ limit: 'messages', retryAfterSeconds: expect.any(Number) }])
  })

  it('are refused inside a session', async () => {
    await start({ messagesPerMinute: 2 })
    const opened = await post(server.url, initialize('2025-11-25', { elicitation: {} }), { key })
    const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    expect((await post(server.url, list, { key, headers })).status).toBe(200)
    await expectThrottled(await post(server.url, list, { key, headers }), 'request-9')
  })

  it('are refused at the messages address of an HTTP+SSE stream', async () => {
    await start({ messagesPerMinute: 1 })
    const stream = events(await fetch(`${server.url}/sse`, { headers: headersOf(key) }))
    const endpoint = `${server.origin}${(await stream.next()).value?.data}`
    expect((await post(endpoint, list, { key })).status).toBe(202)
    await expectThrottled(await post(endpoint, list, { key }), 'request-9')
    await stream.return(undefined)
  })

  it('count every element of a batch', async () => {
    await start({ messagesPerMinute: 5 })
    const batch = [1, 2, 3].map((id) => rpc('ping', {}, id))
    expect((await post(server.url, batch, { key })).status).toBe(200)
    await expectThrottled(await post(server.url, batch, { key }), null)
  })

  it('count together whatever the transport, and apart for each credential', async () => {
    await start({ messagesPerMinute: 2 })
    await post(server.url, list, { key })
    await post(`${server.origin}/api/v1/tools/list_devices`, {}, { key })
    await expectThrottled(await post(server.url, list, { key }), 'request-9')
    expect((await post(`${server.origin}/api/v1/tools/list_devices`, {}, { key })).status).toBe(429)
    expect((await post(server.url, list, { key: KEYS.reader })).status).toBe(200)
  })

  it('are refused before their body is judged', async () => {
    await start({ messagesPerMinute: 1 })
    await post(server.url, list, { key })
    await expectThrottled(await post(server.url, '{"broken', { key }), null)
  })
})

describe('streams over the limit', () => {
  const OPEN = {
    'HTTP+SSE': () => fetch(`${server.url}/sse`, { headers: headersOf(key) }),
    'subscriptions/listen': () => {
      const { body, headers } = modern(
        'subscriptions/listen',
        { notifications: { toolsListChanged: true } },
        'request-9',
      )
      return post(server.url, body, { key, headers })
    },
  }

  it.each(Object.entries(OPEN))('are refused by number open at once: %s', async (leg, open) => {
    await start({ sseSessions: 2 })
    const held = [await open(), await open()]
    await expectThrottled(await open(), leg === 'HTTP+SSE' ? null : 'request-9')
    expect(server.kernel.throttles.at(-1)).toMatchObject({ limit: 'sse_sessions' })
    await held[0]?.body?.cancel()
    await expect
      .poll(async () => {
        const again = await open()
        await again.body?.cancel()
        return again.status
      })
      .toBe(200)
    await held[1]?.body?.cancel()
  })

  it.each(Object.entries(OPEN))('are refused by number opened in a minute: %s', async (leg, open) => {
    await start({ sseConnectionsPerMinute: 2 })
    for (let opened = 0; opened < 2; opened++) await (await open()).body?.cancel()
    await expectThrottled(await open(), leg === 'HTTP+SSE' ? null : 'request-9')
    expect(server.kernel.throttles.at(-1)).toMatchObject({ limit: 'sse_connections' })
  })
})

describe('failing sign-ins', () => {
  it('are slowed by address, while credentials known to be good still get in', async () => {
    await start({})
    expect((await post(server.url, list, { key })).status).toBe(200)
    let status = 401
    for (let tried = 0; tried < 100 && status === 401; tried++) {
      status = (await post(server.url, list, { key: `brz_guess_${tried}` })).status
    }
    expect(status).toBe(429)
    const before = server.authenticator.lookups
    await expectThrottled(await post(server.url, list, { key: 'brz_another_guess' }), null)
    expect(server.authenticator.lookups).toBe(before)
    expect((await post(server.url, list, { key })).status).toBe(200)
  })

  it('do not include requests that bring no credential: a client that only asks how to get in is always told', async () => {
    await start({})
    for (let asked = 0; asked < 100; asked++) expect((await post(server.url, list)).status).toBe(401)
  })
})
