import type { ServerFrame } from '@breeze/contract/agent-protocol'
import type { WebSocket } from 'ws'

/** One connection as the stub server sees it, whichever link it came over. */
export interface StubPeer {
  onFrame: (frame: unknown) => void
  say(frame: ServerFrame): void
  close(code: number): void
  /** Gone without a word. */
  terminate(): void
  /** Neither reads nor answers any more, without closing. */
  freeze(): void
}

export class WebSocketPeer implements StubPeer {
  onFrame: (frame: unknown) => void = () => undefined
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => this.onFrame(JSON.parse(data.toString())))
  }

  say(frame: ServerFrame): void {
    this.#socket.send(JSON.stringify(frame))
  }
  close(code: number): void {
    this.#socket.close(code)
  }
  terminate(): void {
    this.#socket.terminate()
  }
  freeze(): void {
    this.#socket.pause()
  }
}
