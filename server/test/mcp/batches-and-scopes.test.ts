import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KEYS, type Running, startDouble } from './double.ts'
import { modern, post, rpc } from './wire.ts'

let server: Running
beforeAll(async () => {
  server = await startDouble()
})
afterAll(() => server.close())
beforeEach(() => {
  server.kernel.invocations.length = 0
})

const key = KEYS.technician
const call = (name: string, input: unknown = {}) => rpc('tools/call', { name, arguments: input })

const ERAS = {
  'the initialize era': (method: string, params: Record<string, unknown> = {}) => ({
    body: rpc(method, params),
    headers: {},
  }),
  'revision 2026-07-28': (method: string, params: Record<string, unknown> = {}) => modern(method, params),
}

describe('batches', () => {
  const batch = [
    rpc('tools/list', {}, 1),
    rpc('tools/call', { name: 'list_devices', arguments: {} }, 2),
    rpc('ping', {}, 3),
  ]

  it('are answered element by element in revision 2025-03-26', async () => {
    const reply = await (
      await post(server.url, batch, { key, headers: { 'mcp-protocol-version': '2025-03-26' } })
    ).json()
    expect(reply).toMatchObject([
      { id: 1 },
      { id: 2, result: { structuredContent: { total: 1 } } },
      { id: 3, result: {} },
    ])
  })

  it('are unknown to later revisions', async () => {
    expect((await post(server.url, batch, { key, headers: { 'mcp-protocol-version': '2025-11-25' } })).status).toBe(400)
  })

  it('are bounded', async () => {
    expect((await post(server.url, Array(51).fill(rpc('ping')), { key })).status).toBe(400)
    expect((await post(server.url, [], { key })).status).toBe(400)
  })

  it('cannot carry a 2026 request', async () => {
    expect((await post(server.url, [modern('tools/list').body], { key })).status).toBe(400)
  })
})

describe('a missing scope', () => {
  const write = call('acknowledge_alerts', { ids: ['a'] })

  it.each(Object.entries(ERAS))('is an HTTP challenge for an OAuth client in %s', async (_era, message) => {
    const { body, headers } = message('tools/call', { name: 'acknowledge_alerts', arguments: {} })
    const response = await post(server.url, body, { headers: { ...headers, authorization: `Bearer ${KEYS.granted}` } })
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="ai:write"')
    expect(await response.json()).toMatchObject({ error: { data: { required_scope: 'ai:write' } }, id: 1 })
    expect(server.kernel.invocations).toEqual([])
  })

  it("is the tool's refusal for an API key, and for an element of an OAuth client's batch", async () => {
    const refusal = { isError: true, structuredContent: { code: 'insufficient_scope', required_scope: 'ai:write' } }
    const byKey = await post(server.url, write, { key: KEYS.reader })
    expect(await byKey.json()).toMatchObject({ result: refusal })
    const inBatch = await post(server.url, [write], { headers: { authorization: `Bearer ${KEYS.granted}` } })
    expect(inBatch.status).toBe(200)
    expect(JSON.stringify(await inBatch.json())).toContain('insufficient_scope')
  })
})
