import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ERROR_CODES } from '@breeze/contract/governance'
import { STATUS } from '../../src/adapters/rest/status.ts'
import { KEYS, type Running, startDouble } from './double.ts'
import { headersOf, post } from './wire.ts'

let server: Running
beforeAll(async () => {
  server = await startDouble()
})
afterAll(() => server.close())

const key = KEYS.technician
const url = (name: string) => `${server.origin}/api/v1/tools/${name}`

describe('POST /api/v1/tools/<name>', () => {
  it("answers 200 with the tool's data and nothing else", async () => {
    for (const body of [{}, '']) {
      const response = await post(url('list_devices'), body, { key })
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ devices: [{ name: 'WS-01' }], total: 1 })
    }
  })

  it('answers 202 with the plan of a held call', async () => {
    const response = await post(url('device_actions'), {}, { key })
    expect(response.status).toBe(202)
    expect(await response.json()).toMatchObject({
      state: 'confirmation_required',
      operation: 'operation-1',
      confirmation: { token: 'token-1' },
      audit_entry: 'audit-held',
    })
  })

  it.each([
    [404, 'no_such_tool', 'unknown_tool', {}],
    [404, 'manage_alerts', 'not_found', {}],
    [400, 'list_devices', 'invalid_input', { limit: 'many' }],
    [400, 'list_devices', 'invalid_input', []],
  ])('answers %i for %s: %s', async (status, tool, code, input) => {
    const response = await post(url(tool), input, { key })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({
      error: { code, reason: expect.any(String), remedy: expect.any(String) },
      code,
      reason: expect.any(String),
      remedy: expect.any(String),
      audit_entry: 'audit-refused',
    })
  })

  it('answers 403 and the challenge for a missing scope', async () => {
    const response = await post(url('acknowledge_alerts'), {}, { key: KEYS.reader })
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="ai:write"')
    expect(await response.json()).toMatchObject({ code: 'insufficient_scope', required_scope: 'ai:write' })
  })

  it('answers 401 without a good credential', async () => {
    const missing = await post(url('list_devices'), {})
    expect(missing.status).toBe(401)
    expect(missing.headers.get('www-authenticate')).toBe('Bearer scope="ai:read"')
    expect(await missing.json()).toMatchObject({ code: 'unauthenticated', error: { code: 'unauthenticated' } })
    expect((await post(url('list_devices'), {}, { key: 'brz_wrong' })).status).toBe(401)
  })

  it.each([
    ['malformed JSON', '{', 400],
    ['10,000-deep JSON', '['.repeat(10_000) + ']'.repeat(10_000), 400],
    ['5 MB', `"${'x'.repeat(5_000_000)}"`, 413],
  ])('refuses %s', async (_what, body, status) => {
    expect((await post(url('list_devices'), body, { key })).status).toBe(status)
  })

  it('hands null to the tool, which refuses it', async () => {
    expect((await post(url('list_devices'), 'null', { key })).status).toBe(400)
  })

  it('has no other method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      expect((await fetch(url('list_devices'), { method, headers: headersOf(key) })).status).toBe(404)
    }
  })
})

async function channelOf(credential: string, surface?: string) {
  const headers = { authorization: `Bearer ${credential}`, ...(surface && { 'x-breeze-surface': surface }) }
  await post(url('list_devices'), {}, { headers })
  const { caller, surface: used } = server.kernel.invocations.at(-1) ?? {}
  return [caller?.channel, used]
}

describe('the channel', () => {
  it('is rest unless the CLI says so with a credential a person holds', async () => {
    expect(await channelOf(key)).toEqual(['rest', 'rest'])
    expect(await channelOf(key, 'cli')).toEqual(['cli', 'cli'])
    expect(await channelOf(KEYS.operator, 'cli')).toEqual(['cli', 'cli'])
    expect(await channelOf(KEYS.granted, 'cli')).toEqual(['rest', 'rest'])
  })

  it('is never the console by header', async () => {
    expect(await channelOf(KEYS.operator, 'console')).toEqual(['rest', 'rest'])
  })
})

it('lists the tools', async () => {
  const response = await fetch(`${server.origin}/api/v1/tools`, { headers: headersOf(key) })
  expect(await response.json()).toMatchObject({
    tools: [{ name: 'list_devices', inputSchema: { type: 'object' } }, {}, {}, {}, {}],
  })
  expect((await fetch(`${server.origin}/api/v1/tools`)).status).toBe(401)
})

it('has a status for every code', () => {
  expect(Object.keys(STATUS).toSorted()).toEqual([...ERROR_CODES].toSorted())
})
