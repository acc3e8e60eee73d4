import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KEYS, type Running, startDouble } from './double.ts'
import { events, headersOf, initialize, modern, post, rpc } from './wire.ts'

let server: Running
beforeEach(async () => {
  server = await startDouble()
})
afterEach(() => server.close())

const key = KEYS.technician
const list = rpc('tools/list', {}, 7)

async function openSession(by: string = key): Promise<string> {
  const response = await post(server.url, initialize('2025-11-25', { elicitation: {} }), { key: by })
  await response.text()
  return response.headers.get('mcp-session-id') ?? ''
}
const inSession = (id: string, extra = {}) => ({ 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25', ...extra })

/** Opens the 2024-11-05 stream; `post` sends to the address it named. */
async function openSse(by: string = key) {
  const response = await fetch(`${server.url}/sse`, { headers: headersOf(by) })
  expect(response.status).toBe(200)
  const stream = events(response)
  const first = await stream.next()
  const endpoint = first.done ? '' : first.value.data
  return { stream, endpoint: `${server.origin}${endpoint}`, name: first.value?.event }
}

/** Milliseconds until the stream has ended. */
async function untilEnd(stream: AsyncGenerator<unknown>): Promise<number> {
  const began = performance.now()
  while (!(await stream.next()).done);
  return performance.now() - began
}

async function all<T>(stream: AsyncGenerator<T>): Promise<T[]> {
  const items = []
  for await (const item of stream) items.push(item)
  return items
}

const streamOf = async (id: string, by: string = key) => {
  const response = await fetch(server.url, { headers: headersOf(by, inSession(id, { accept: 'text/event-stream' })) })
  return { status: response.status, stream: events(response) }
}

async function openListen(by: string = key) {
  const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } })
  const response = await post(server.url, body, { key: by, headers })
  const stream = events(response)
  const first = await stream.next()
  return { status: response.status, stream, first: first.value?.data ?? '' }
}

describe('a session', () => {
  it('is opened only for a client that can be asked something', async () => {
    expect(await openSession()).toMatch(/^[\x21-\x7e]{20,}$/)
    const plain = await post(server.url, initialize(), { key })
    expect(plain.headers.get('mcp-session-id')).toBeNull()
  })

  it('answers its owner', async () => {
    const response = await post(server.url, list, { key, headers: inSession(await openSession()) })
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('list_devices')
  })

  it.each([
    ['another person', KEYS.other],
    ['another key of the same person', KEYS.reader],
  ])('does not exist for %s', async (_who, stranger) => {
    const id = await openSession()
    const refused = await post(server.url, list, { key: stranger, headers: inSession(id) })
    expect(refused.status).toBe(404)
    expect(await refused.json()).toMatchObject({ error: { code: -32001 }, id: 7 })
    expect((await streamOf(id, stranger)).status).toBe(404)
    expect((await fetch(server.url, { method: 'DELETE', headers: headersOf(stranger, inSession(id)) })).status).toBe(
      404,
    )
    expect((await post(server.url, list, { key, headers: inSession(id) })).status).toBe(200)
  })

  it('is gone after DELETE, and a client starts over with a new one', async () => {
    const id = await openSession()
    expect((await fetch(server.url, { method: 'DELETE', headers: headersOf(key, inSession(id)) })).status).toBe(200)
    expect((await post(server.url, list, { key, headers: inSession(id) })).status).toBe(404)
    expect((await post(server.url, list, { key, headers: inSession(await openSession()) })).status).toBe(200)
  })

  it('ends the waiting of a call that its client cancels, and of no call whose connection only dropped', async () => {
    const headers = inSession(await openSession())
    const run = { ...rpc('tools/call', { name: 'run_script', arguments: {} }), id: 'run-1' }
    const answer = await post(server.url, run, { key, headers })
    await expect.poll(() => server.kernel.invocations.length).toBe(1)
    const signal = server.kernel.invocations[0]?.signal
    await answer.body?.cancel()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(signal?.aborted).toBe(false)
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'run-1' } }
    expect((await post(server.url, cancelled, { key, headers })).status).toBe(202)
    await expect.poll(() => signal?.aborted).toBe(true)
  })

  it('checks the credential on every message', async () => {
    const id = await openSession()
    const before = server.authenticator.lookups
    await (await post(server.url, list, { key, headers: inSession(id) })).text()
    expect(server.authenticator.lookups).toBe(before + 1)
    server.authenticator.revoke('key-1')
    expect((await post(server.url, list, { key, headers: inSession(id) })).status).toBe(401)
  })

  it('lets a client take up a stream it lost', async () => {
    const id = await openSession()
    const response = await post(server.url, list, { key, headers: inSession(id) })
    const [priming] = await all(events(response))
    const headers = headersOf(key, inSession(id, { accept: 'text/event-stream', 'last-event-id': priming?.id ?? '' }))
    const replayed = await all(events(await fetch(server.url, { headers })))
    expect(replayed.at(-1)?.data).toContain('list_devices')
  })

  it('of one credential are capped: the one unused for longest goes', async () => {
    const ids = []
    for (let count = 0; count < 33; count++) ids.push(await openSession())
    expect((await post(server.url, list, { key, headers: inSession(ids[0] ?? '') })).status).toBe(404)
    expect((await post(server.url, list, { key, headers: inSession(ids[1] ?? '') })).status).toBe(200)
  })
})

describe('an HTTP+SSE stream', () => {
  it('names its messages address first, takes messages there and answers on the stream', async () => {
    const { stream, endpoint, name } = await openSse()
    expect(name).toBe('endpoint')
    expect(endpoint).toContain('/api/v1/mcp/messages?sessionId=')
    expect((await post(endpoint, list, { key })).status).toBe(202)
    const answer = await stream.next()
    expect(answer.value?.data).toContain('list_devices')
    await stream.return(undefined)
  })

  it.each([KEYS.other, KEYS.reader])('does not exist for %s', async (stranger) => {
    const { stream, endpoint } = await openSse()
    expect((await post(endpoint, list, { key: stranger })).status).toBe(404)
    expect((await post(`${server.url}/messages?sessionId=none`, list, { key })).status).toBe(404)
    await stream.return(undefined)
  })

  it('refuses what is no message', async () => {
    const { stream, endpoint } = await openSse()
    for (const body of ['null', '{"x":1}', '{', '[{"x":1}]'])
      expect((await post(endpoint, body, { key })).status).toBe(400)
    await stream.return(undefined)
  })

  it("tells a missing scope as the tool's refusal, never by running the tool", async () => {
    const { stream, endpoint } = await openSse(KEYS.reader)
    const write = rpc('tools/call', { name: 'acknowledge_alerts', arguments: {} })
    expect((await post(endpoint, write, { key: KEYS.reader })).status).toBe(202)
    const answer = await stream.next()
    expect(answer.value?.data).toContain('insufficient_scope')
    await stream.return(undefined)
  })

  it('is forgotten when its client leaves', async () => {
    const { stream, endpoint } = await openSse()
    await stream.return(undefined)
    await expect.poll(async () => (await post(endpoint, list, { key })).status).toBe(404)
  })
})

describe('a listening stream', () => {
  it('acknowledges first and tells of changes', async () => {
    const { stream, first } = await openListen()
    expect(first).toContain('notifications/subscriptions/acknowledged')
    server.http.mcp.toolsChanged()
    const told = await stream.next()
    expect(told.value?.data).toContain('notifications/tools/list_changed')
    await stream.return(undefined)
  })
})

describe('when a credential ends', () => {
  const LEGS = {
    'an HTTP+SSE stream': async () => (await openSse()).stream,
    "a session's stream": async () => (await streamOf(await openSession())).stream,
    'a listening stream': async () => (await openListen()).stream,
  }

  it.each(Object.entries(LEGS))('%s is cut within a second', async (_leg, open) => {
    const stream = await open()
    const ended = untilEnd(stream)
    server.authenticator.revoke('key-1')
    expect(await ended).toBeLessThan(1_000)
    expect((await post(server.url, list, { key })).status).toBe(401)
  })

  it.each(Object.entries(LEGS))('%s of another credential stays', async (_leg, open) => {
    const stream = await open()
    let over = false
    const ended = untilEnd(stream).then(() => (over = true))
    server.authenticator.revoke('key-3')
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(over).toBe(false)
    server.authenticator.revoke('key-1')
    await ended
  })

  it.each(Object.entries(LEGS))('%s ends by itself at the moment the credential expires', async (_leg, open) => {
    server.authenticator.expireAt('key-1', new Date(Date.now() + 500))
    const stream = await open()
    expect(await untilEnd(stream)).toBeLessThan(1_500)
  })

  it('an answer under way is cut with its session', async () => {
    const id = await openSession()
    const run = rpc('tools/call', { name: 'run_script', arguments: {} })
    const response = await post(server.url, run, { key, headers: inSession(id) })
    const ended = untilEnd(events(response))
    await expect.poll(() => server.kernel.invocations.length).toBe(1)
    server.authenticator.revoke('key-1')
    expect(await ended).toBeLessThan(1_000)
  })
})

describe('when the server stops', () => {
  it('every stream ends', async () => {
    const streams = [
      (await openSse()).stream,
      (await streamOf(await openSession())).stream,
      (await openListen()).stream,
    ]
    const ended = Promise.all(streams.map(untilEnd))
    await server.http.close()
    for (const ms of await ended) expect(ms).toBeLessThan(1_000)
  })

  it('calls under way are answered on every leg, and new ones are told to come back', async () => {
    const id = await openSession()
    const { stream, endpoint } = await openSse()
    const params = { name: 'run_script', arguments: { seconds: 0.5 } }
    const asModern = modern('tools/call', params)
    const answers = [
      post(server.url, rpc('tools/call', params), { key }).then((response) => response.text()),
      post(server.url, asModern.body, { key, headers: asModern.headers }).then((response) => response.text()),
      post(server.url, rpc('tools/call', params), { key, headers: inSession(id) }).then((response) => response.text()),
      post(endpoint, rpc('tools/call', params), { key }).then(async () => (await stream.next()).value?.data ?? ''),
    ]
    await expect.poll(() => server.kernel.invocations.length).toBe(4)
    const closing = server.http.close()
    const late = await post(server.url, list, { key })
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '5'])
    for (const text of await Promise.all(answers)) expect(text).toContain('The script goes on.')
    await closing
  })
})
