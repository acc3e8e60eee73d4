/** The HTTP+SSE leg (2024-11-05): a GET opens the stream and names the address that messages are posted to. */
import { randomUUID } from 'node:crypto'
import { type McpServer, parseJSONRPCMessage } from '@modelcontextprotocol/server'
import { INVALID_REQUEST, rpcError } from './json-rpc.ts'
import { MESSAGES_PATH } from './paths.ts'
import { type Principal, authInfoOf, ownerOf } from './principal.ts'
import { SseTransport } from './sse-transport.ts'
import { type OpenStream, supervise } from './streams.ts'

interface SseSession {
  owner: string
  server: McpServer
  transport: SseTransport
}

export class SseLeg {
  readonly #sessions = new Map<string, SseSession>()
  readonly #build: () => McpServer

  constructor(build: () => McpServer) {
    this.#build = build
  }

  async open(principal: Principal, stream: OpenStream): Promise<Response> {
    const id = randomUUID()
    const transport = new SseTransport(id, `${MESSAGES_PATH}?sessionId=${id}`, () => {
      this.#sessions.delete(id)
      stream.release()
    })
    const server = this.#build()
    await server.connect(transport)
    this.#sessions.set(id, { owner: ownerOf(principal), server, transport })
    const response = new Response(transport.body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      },
    })
    return supervise(response, stream)
  }

  /** Takes what was posted to a stream; null when this principal has no such stream. The answers go down the stream. */
  receive(id: string, request: Request, principal: Principal, body: unknown): Response | null {
    const session = this.#sessions.get(id)
    if (!session || session.owner !== ownerOf(principal)) return null
    const messages = []
    try {
      for (const element of Array.isArray(body) ? body : [body]) messages.push(parseJSONRPCMessage(element))
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return rpcError(400, { code: INVALID_REQUEST, message: 'This is not a JSON-RPC message.' })
    }
    const extra = { authInfo: authInfoOf(principal), request }
    for (const message of messages) session.transport.receive(message, extra)
    return new Response('Accepted', { status: 202 })
  }

  servers(): McpServer[] {
    return [...this.#sessions.values()].map((session) => session.server)
  }

  async close(): Promise<void> {
    await Promise.all(this.servers().map((server) => server.close()))
  }
}
