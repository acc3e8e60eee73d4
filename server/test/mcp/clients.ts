/** The official clients of both generations, over every transport and in every era that Breeze serves. */
import {
  Client as ClientV2,
  SSEClientTransport as SseV2,
  StreamableHTTPClientTransport as HttpV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

export interface AnyClient {
  listTools(): Promise<{ tools: { name: string; outputSchema?: unknown }[] }>
  callTool(params: { name: string; arguments?: Record<string, unknown> }): Promise<Record<string, unknown>>
  close(): Promise<void>
}
export type Connect = (key: string, onToolsChanged?: () => void) => Promise<AnyClient>

const init = (key: string) => ({ requestInit: { headers: { 'x-api-key': key } } })
const NAME = { name: 'acceptance', version: '3.1.4' }

function v1(transport: (key: string) => SseV1 | HttpV1, capabilities = {}): Connect {
  return async (key, onToolsChanged) => {
    const client = new ClientV1(NAME, { capabilities })
    client.fallbackNotificationHandler = async () => onToolsChanged?.()
    // The package's own transports do not satisfy its Transport type under exactOptionalPropertyTypes.
    await client.connect(transport(key) as Parameters<typeof client.connect>[0])
    return client as unknown as AnyClient
  }
}

function v2(
  transport: (key: string) => SseV2 | HttpV2,
  options: ConstructorParameters<typeof ClientV2>[1] = {},
): Connect {
  return async (key, onToolsChanged) => {
    const changed = onToolsChanged ? { listChanged: { tools: { onChanged: onToolsChanged } } } : {}
    const client = new ClientV2(NAME, { ...options, ...changed })
    await client.connect(transport(key))
    return client as unknown as AnyClient
  }
}

const LEGACY = { versionNegotiation: { mode: 'legacy' as const } }

/** `address` is read when a client connects: the server may start later. */
export function officialClients(address: (path: '' | '/sse') => string): Record<string, Connect> {
  const url = (path: '' | '/sse') => new URL(address(path))
  return {
    'v1 over HTTP+SSE': v1((key) => new SseV1(url('/sse'), init(key))),
    'v1 over Streamable HTTP': v1((key) => new HttpV1(url(''), init(key))),
    'v1 over Streamable HTTP, with elicitation': v1((key) => new HttpV1(url(''), init(key)), { elicitation: {} }),
    'v2 over HTTP+SSE': v2((key) => new SseV2(url('/sse'), init(key))),
    'v2 pinned to the initialize era': v2((key) => new HttpV2(url(''), init(key)), LEGACY),
    'v2 in the initialize era, with elicitation': v2((key) => new HttpV2(url(''), init(key)), {
      ...LEGACY,
      capabilities: { elicitation: {} },
    }),
    'v2 pinned to 2026-07-28': v2((key) => new HttpV2(url(''), init(key)), {
      versionNegotiation: { mode: { pin: '2026-07-28' } },
    }),
    'v2 choosing by itself': v2((key) => new HttpV2(url(''), init(key)), { versionNegotiation: { mode: 'auto' } }),
    'v2 posting to the SSE address': v2((key) => new HttpV2(url('/sse'), init(key))),
  }
}
