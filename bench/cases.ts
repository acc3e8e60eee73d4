import type { Target } from './client.ts'

export interface Case {
  call: 'list_devices' | 'tools/list'
  over: 'floor' | 'MCP 2025-11-25' | 'MCP 2026-07-28' | 'REST'
  target: Target
}

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

export function casesFor(server: string, key: string, floor: string): Case[] {
  const page = { name: 'list_devices', arguments: { limit: 25 } }
  return [
    { call: 'list_devices', over: 'floor', target: { url: floor, method: 'POST', headers: {}, body: undefined } },
    { call: 'list_devices', over: 'REST', target: rest(server, key, 'POST', '/list_devices', { limit: 25 }) },
    { call: 'list_devices', over: 'MCP 2025-11-25', target: mcp2025(server, key, 'tools/call', page) },
    { call: 'list_devices', over: 'MCP 2026-07-28', target: mcp2026(server, key, 'tools/call', page) },
    { call: 'tools/list', over: 'REST', target: rest(server, key, 'GET', '', undefined) },
    { call: 'tools/list', over: 'MCP 2025-11-25', target: mcp2025(server, key, 'tools/list', {}) },
    { call: 'tools/list', over: 'MCP 2026-07-28', target: mcp2026(server, key, 'tools/list', {}) },
  ]
}

export function rest(server: string, key: string, method: Target['method'], path: string, input: unknown): Target {
  return {
    url: `${server}/api/v1/tools${path}`,
    method,
    headers: { 'x-api-key': key, ...(input !== undefined && { 'content-type': 'application/json' }) },
    body: input === undefined ? undefined : JSON.stringify(input),
  }
}

/** Stateless: no session is opened, as clients do that can't be asked anything back. */
function mcp2025(server: string, key: string, method: string, params: object): Target {
  return mcp(server, key, { 'mcp-protocol-version': '2025-11-25' }, { jsonrpc: '2.0', id: 1, method, params })
}

function mcp2026(server: string, key: string, method: string, params: { name?: string }): Target {
  const headers = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(params.name !== undefined && { 'mcp-name': params.name }),
  }
  return mcp(server, key, headers, { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: ENVELOPE } })
}

function mcp(server: string, key: string, headers: Record<string, string>, message: object): Target {
  return {
    url: `${server}/api/v1/mcp`,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'x-api-key': key,
      ...headers,
    },
    body: JSON.stringify(message),
  }
}
