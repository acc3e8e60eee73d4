/** The five ways in, as far as a walk needs them: list the tools, call one, and say how it ended in one shape for all. */
import type { Harness } from '../harness.ts'
import { events, headersOf, modern, post, rpc } from '../mcp/wire.ts'

export interface Listed {
  name: string
  title?: string
  description: string
  inputSchema: { properties?: Record<string, { enum?: unknown[] }> }
  outputSchema?: unknown
  annotations: Record<string, unknown>
}

export interface Ended {
  /** `done`, `held`, or the code of the refusal. */
  code: string
  /** The HTTP status of the last reply. */
  status: number
  /** What a program reads. */
  data: Record<string, unknown>
  /** All that came over the wire. */
  raw: string
}

export interface Leg {
  surface: 'mcp' | 'rest' | 'cli'
  list(key: string): Promise<Listed[]>
  call(key: string, tool: string, input: unknown): Promise<Ended>
  close(): void
}

interface RpcReply {
  result?: { tools?: Listed[]; structuredContent?: Record<string, unknown>; isError?: boolean }
  error?: { code: number; message: string; data?: Record<string, unknown> }
}

function endedRpc(status: number, raw: string, reply: RpcReply): Ended {
  const data = reply.result?.structuredContent ?? reply.error?.data ?? {}
  const code =
    reply.error || reply.result?.isError
      ? String(data['code'] ?? `rpc ${reply.error?.code}`)
      : data['state'] === 'confirmation_required'
        ? 'held'
        : 'done'
  return { code, status, data, raw }
}

/** A reply is JSON, or a stream that ends with it. */
async function readReply(response: Response): Promise<{ raw: string; reply: RpcReply }> {
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
    const raw = await response.text()
    return { raw, reply: JSON.parse(raw) as RpcReply }
  }
  for await (const event of events(response)) {
    const reply = JSON.parse(event.data || '{}') as RpcReply
    if (reply.result || reply.error) return { raw: event.data, reply }
  }
  throw new Error('the stream ended without a reply')
}

type Request = (method: string, params: Record<string, unknown>) => { body: unknown; headers: Record<string, string> }

function streamable(url: string, request: Request): Leg {
  const send = async (key: string, method: string, params: Record<string, unknown>) => {
    const { body, headers } = request(method, params)
    const response = await post(url, body, { key, headers })
    return { status: response.status, ...(await readReply(response)) }
  }
  return {
    surface: 'mcp',
    list: async (key) => (await send(key, 'tools/list', {})).reply.result?.tools ?? [],
    async call(key, tool, input) {
      const { status, raw, reply } = await send(key, 'tools/call', { name: tool, arguments: input })
      return endedRpc(status, raw, reply)
    },
    close: () => undefined,
  }
}

/** One stream per key, kept open; replies are matched by their id. */
function httpSse(url: string): Leg {
  const streams = new Map<string, Promise<SseStream>>()
  const stop = new AbortController()
  const streamOf = (key: string): Promise<SseStream> => {
    const known = streams.get(key) ?? openSse(url, key, stop.signal)
    streams.set(key, known)
    return known
  }
  const send = async (key: string, method: string, params: Record<string, unknown>) =>
    (await streamOf(key)).send(method, params)
  return {
    surface: 'mcp',
    list: async (key) => (await send(key, 'tools/list', {})).reply.result?.tools ?? [],
    async call(key, tool, input) {
      const { raw, reply, status } = await send(key, 'tools/call', { name: tool, arguments: input })
      return endedRpc(status, raw, reply)
    },
    close: () => stop.abort(),
  }
}

interface SseStream {
  send(method: string, params: unknown): Promise<{ status: number; raw: string; reply: RpcReply }>
}

async function openSse(url: string, key: string, signal: AbortSignal): Promise<SseStream> {
  const source = events(await fetch(`${url}/sse`, { headers: headersOf(key), signal }))
  const endpoint = new URL(String((await source.next()).value?.data), url).href
  const waiting = new Map<number, (raw: string) => void>()
  const listen = async (): Promise<void> => {
    for await (const event of source) {
      const { id } = JSON.parse(event.data) as { id?: number }
      if (id !== undefined) waiting.get(id)?.(event.data)
    }
  }
  // Aborting the stream is how the walk ends it.
  void listen().catch(() => undefined)
  let last = 0
  return {
    async send(method, params) {
      const id = (last += 1)
      const { promise, resolve } = Promise.withResolvers<string>()
      waiting.set(id, resolve)
      const response = await post(endpoint, rpc(method, params, id), { key })
      // A refusal may come at once instead of over the stream.
      const raw = response.status === 202 ? await promise : await response.text()
      return { status: response.status, raw, reply: JSON.parse(raw) as RpcReply }
    },
  }
}

function rest(url: string, surface: 'rest' | 'cli'): Leg {
  const extra: Record<string, string> = surface === 'cli' ? { 'x-breeze-surface': 'cli' } : {}
  const headers = (key: string) => ({ authorization: `Bearer ${key}`, ...extra })
  return {
    surface,
    async list(key) {
      const response = await fetch(url, { headers: headers(key) })
      return ((await response.json()) as { tools: Listed[] }).tools
    },
    async call(key, tool, input) {
      const response = await post(`${url}/${encodeURIComponent(tool)}`, input, { headers: headers(key) })
      const raw = await response.text()
      const data = JSON.parse(raw) as Record<string, unknown>
      const code = response.status === 200 ? 'done' : response.status === 202 ? 'held' : String(data['code'])
      return { code, status: response.status, data, raw }
    },
    close: () => undefined,
  }
}

export function legsOf(harness: Harness): Record<string, Leg> {
  const { url } = harness.server
  const mcp = `${url}/api/v1/mcp`
  const tools = `${url}/api/v1/tools`
  return {
    'MCP 2025-11-25': streamable(mcp, (method, params) => ({
      body: rpc(method, params),
      headers: { 'mcp-protocol-version': '2025-11-25' },
    })),
    'MCP 2026-07-28': streamable(mcp, (method, params) => modern(method, params)),
    'HTTP+SSE': httpSse(mcp),
    REST: rest(tools, 'rest'),
    CLI: rest(tools, 'cli'),
  }
}

/** Walks are long: eight at a time, the first failure ends it. */
export async function each<T>(items: readonly T[], work: (item: T, position: number) => Promise<void>): Promise<void> {
  const queue = [...items.entries()]
  const worker = async (): Promise<void> => {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) await work(entry[1], entry[0])
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}
