import { McpServer } from '@modelcontextprotocol/server'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { createMetrics } from '../http/metrics.ts'
import type { Principal } from './principal.ts'
import { type SessionLimits, Sessions, needsSession } from './sessions.ts'

function principal(credentialId: string): Principal {
  return {
    identity: {
      user: { id: 'user-1', name: 'user-1', kind: 'person' },
      partnerId: 'partner-1',
      credential: { kind: 'api_key', id: credentialId, name: 'key' },
      ip: null,
      scopes: new Set(),
      elevations: [],
      actingBy: [],
      admin: false,
      partner: null,
      organizations: new Map(),
      stopped: null,
      expiresAt: null,
      lastUsedAt: null,
    },
    presented: { authorization: null, apiKey: 'brz_key', ip: null },
    filter: {},
    userAgent: null,
  }
}

const message = (method: string, params: unknown = {}) => ({ jsonrpc: '2.0', id: 1, method, params })
const INITIALIZE = message('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: { elicitation: {} },
  clientInfo: { name: 'test', version: '1' },
})

const build = () => new McpServer({ name: 'test', version: '1' }, { capabilities: { tools: {} } })

function request(id?: string): Request {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(id && { 'mcp-session-id': id }),
  }
  return new Request('http://127.0.0.1/api/v1/mcp', { method: 'POST', headers })
}

function start(limits: SessionLimits) {
  const sessions = new Sessions(build, createMetrics(new Registry()), limits)
  return {
    sessions,
    async open(credentialId: string): Promise<string> {
      const response = await sessions.open(request(), principal(credentialId), INITIALIZE)
      return response.headers.get('mcp-session-id') ?? ''
    },
    async isAlive(id: string, credentialId: string): Promise<boolean> {
      return (await sessions.serve(id, request(id), principal(credentialId), message('ping'))) !== null
    },
  }
}

it('forgets a session that nobody has used for the idle time', async () => {
  const { sessions, open, isAlive } = start({ idleMs: 100 })
  const id = await open('a')
  expect(await isAlive(id, 'a')).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 250))
  expect(await isAlive(id, 'a')).toBe(false)
  await sessions.close()
})

it('keeps no more than the cap of all: the one unused for longest goes', async () => {
  const { sessions, open, isAlive } = start({ inAll: 2 })
  const first = await open('a')
  const second = await open('b')
  expect(await isAlive(first, 'a')).toBe(true)
  const third = await open('c')
  expect(await isAlive(second, 'b')).toBe(false)
  expect(await isAlive(first, 'a')).toBe(true)
  expect(await isAlive(third, 'c')).toBe(true)
  await sessions.close()
})

it("counts one owner's sessions apart from another's", async () => {
  const { sessions, open, isAlive } = start({ perOwner: 1 })
  const mine = await open('a')
  const theirs = await open('b')
  const mineAgain = await open('a')
  expect(await isAlive(mine, 'a')).toBe(false)
  expect(await isAlive(theirs, 'b')).toBe(true)
  expect(await isAlive(mineAgain, 'a')).toBe(true)
  await sessions.close()
})

it('keeps no session for an initialize that failed', async () => {
  const { sessions } = start({})
  const broken = message('initialize', { capabilities: { elicitation: {} } })
  await sessions.open(request(), principal('a'), broken)
  expect(sessions.servers()).toEqual([])
  await sessions.close()
})

it.each([
  [{ elicitation: {} }, true],
  [{ sampling: {} }, true],
  [{ roots: {} }, false],
  [{}, false],
  [null, false],
])('needs a session for a client that declares %j: %j', (capabilities, needed) => {
  expect(needsSession(message('initialize', { capabilities }))).toBe(needed)
  expect(needsSession(message('tools/list', { capabilities }))).toBe(false)
})
