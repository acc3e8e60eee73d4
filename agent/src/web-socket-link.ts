import { MAX_FRAME_BYTES } from '@breeze/contract/agent-commands'
import { AGENT_WS_PATH } from '@breeze/contract/agent-protocol'
import { WebSocket } from 'ws'
import { CLOSE_PATIENCE_MS, isUnreachable, type Link, type LinkEnd, type LinkOptions } from './link.ts'
import { errorText } from './log.ts'
import { parseServerText } from './server-frame.ts'

/** One frame a message; WebSocket pings tell a quiet server from one that is gone. */
export class WebSocketLink implements Link {
  readonly kind = 'web_socket'
  readonly #options: LinkOptions
  readonly #socket: WebSocket
  readonly #end: LinkEnd = { code: 0 }
  #keepAlive: ReturnType<typeof setInterval> | undefined
  #heardMs = 0
  #pingedMs = 0
  #roundTripMs: number | null = null

  constructor(options: LinkOptions) {
    this.#options = options
    const { server, transport, owner, log, handshakeMs } = options
    const url = new URL(AGENT_WS_PATH, server)
    const agent = transport.agentFor(url)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      handshakeTimeout: handshakeMs,
      followRedirects: false,
      ...(agent && { agent }),
      ...(transport.lookup && { lookup: transport.lookup }),
    })
    this.#socket = socket
    socket.on('message', (data) => {
      this.#heard()
      owner.arrived(this, parseServerText(data.toString()))
    })
    socket.on('ping', () => this.#heard())
    socket.on('pong', () => this.#ponged())
    socket.on('error', (error) => {
      this.#end.unreachable = isUnreachable(error)
      log('socket_error', { message: errorText(error) })
    })
    socket.on('unexpected-response', (_request, response) => {
      log('upgrade_refused', { status: response.statusCode ?? 0 })
      this.#end.retryAfterSeconds = Number(response.headers['retry-after'])
      socket.terminate()
    })
    socket.on('close', (code) => {
      clearInterval(this.#keepAlive)
      this.#end.code = code
      owner.ended(this, this.#end)
    })
  }

  get roundTripMs(): number | null {
    return this.#roundTripMs
  }

  send(text: string): Promise<boolean> {
    return new Promise((resolve) => this.#socket.send(text, (error) => resolve(!error)))
  }

  keepAlive(intervalMs: number): void {
    clearInterval(this.#keepAlive)
    this.#heard()
    this.#keepAlive = setInterval(() => this.#ping(intervalMs), intervalMs)
  }

  async close(): Promise<void> {
    const socket = this.#socket
    if (socket.readyState === WebSocket.CLOSED) return
    await new Promise<void>((resolve) => {
      const impatience = setTimeout(() => socket.terminate(), CLOSE_PATIENCE_MS)
      socket.once('close', () => {
        clearTimeout(impatience)
        resolve()
      })
      socket.close(1000)
    })
  }

  terminate(): void {
    this.#socket.terminate()
  }

  /** A peer that vanished without a FIN is noticed after two silent rounds. */
  #ping(intervalMs: number): void {
    const now = performance.now()
    const silentMs = now - this.#heardMs
    if (silentMs > 2 * intervalMs) {
      this.#options.log('server_silent', { seconds: Math.round(silentMs / 1000) })
      this.#socket.terminate()
      return
    }
    this.#pingedMs = now
    this.#socket.ping()
  }

  #ponged(): void {
    this.#heard()
    if (this.#pingedMs === 0) return
    this.#roundTripMs = Math.round((performance.now() - this.#pingedMs) * 10) / 10
    this.#pingedMs = 0
  }

  #heard(): void {
    this.#heardMs = performance.now()
  }
}
