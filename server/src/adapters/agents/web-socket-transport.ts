/** An agent's WebSocket: one frame a message, text only. */
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { RawData, WebSocket } from 'ws'
import { readFrame } from './frames.ts'
import { type AgentTransport, MAX_UNPROVEN_BYTES, type TransportPeer } from './transport.ts'

export class WebSocketTransport implements AgentTransport {
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  /** Counts what a stranger sends; gone with the proof. */
  #count: ((chunk: Buffer) => void) | undefined

  constructor(webSocket: WebSocket, socket: Duplex, log: Pick<Logger, 'info'>) {
    this.#webSocket = webSocket
    this.#socket = socket
    let bytes = 0
    this.#count = (chunk) => {
      bytes += chunk.length
      if (bytes > MAX_UNPROVEN_BYTES) webSocket.terminate()
    }
    socket.on('data', this.#count)
    // A socket error is always followed by its close.
    webSocket.on('error', (error) => log.info({ message: error.message }, 'agent socket error'))
  }

  listen(peer: TransportPeer): void {
    const alive = (): void => peer.alive()
    this.#webSocket.on('message', (data, isBinary) => {
      peer.frame(isBinary ? undefined : readFrame(textOf(data)), sizeOf(data))
    })
    this.#webSocket.on('ping', alive)
    this.#webSocket.on('pong', alive)
    this.#webSocket.on('close', () => {
      this.proven()
      peer.closed()
    })
  }

  proven(): void {
    if (this.#count) this.#socket.off('data', this.#count)
    this.#count = undefined
  }

  send(text: string): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(text)
  }

  close(code: number): void {
    this.#webSocket.close(code)
  }

  terminate(): void {
    this.#webSocket.terminate()
  }

  pause(): void {
    this.#webSocket.pause()
  }

  resume(): void {
    this.#webSocket.resume()
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount
  }
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString()
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString()
}

function sizeOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength
}
