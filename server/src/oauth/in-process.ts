/**
 * Asks the library without a socket: a request made by us goes in, its answer comes out whole. So nothing that a client or
 * proxy sent reaches it but what we pass on, and we see every answer before it leaves.
 */
import { IncomingMessage, type OutgoingHttpHeaders, type RequestListener, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

export interface InnerRequest {
  method: 'GET' | 'POST'
  /** Path and query. */
  url: string
  headers: Record<string, string>
  body?: string
  secure: boolean
}

export interface InnerAnswer {
  status: number
  headers: OutgoingHttpHeaders
  body: string
}

export function askInProcess(listener: RequestListener, asked: InnerRequest): Promise<InnerAnswer> {
  const socket = new Socket()
  Object.defineProperty(socket, 'encrypted', { value: asked.secure })
  const request = new IncomingMessage(socket)
  const body = Buffer.from(asked.body ?? '')
  Object.assign(request, {
    method: asked.method,
    url: asked.url,
    headers: { ...asked.headers, ...(asked.method === 'POST' && { 'content-length': String(body.length) }) },
  })
  if (body.length > 0) request.push(body)
  request.push(null)
  request.complete = true
  return new Promise((resolve, reject) => {
    const response = new CollectedResponse(request, resolve)
    response.once('error', reject)
    listener(request, response)
  })
}

class CollectedResponse extends ServerResponse {
  readonly #chunks: Buffer[] = []
  readonly #done: (answer: InnerAnswer) => void

  constructor(request: IncomingMessage, done: (answer: InnerAnswer) => void) {
    super(request)
    this.#done = done
  }

  override write(chunk: string | Uint8Array): boolean {
    this.#chunks.push(Buffer.from(chunk as Uint8Array))
    return true
  }

  override end(chunk?: unknown): this {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#chunks.push(Buffer.from(chunk as Uint8Array))
    this.#done({
      status: this.statusCode,
      headers: this.getHeaders(),
      body: Buffer.concat(this.#chunks).toString('utf8'),
    })
    // Lets listeners of its end run; there is no socket that anything could be sent to.
    process.nextTick(() => this.emit('finish'))
    return this
  }
}
