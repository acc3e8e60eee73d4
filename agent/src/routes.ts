import type { LinkKind } from './link.ts'

export interface Route {
  server: string
  kind: LinkKind
}

/** Failed WebSockets in a row, each with the server in reach, after which the network is taken for one that forbids them. */
const FAILURES_BEFORE_POLLING = 3

/**
 * Which server and which link the next attempt uses. Servers take turns after failures, so that a changed host does not
 * orphan a device. Where WebSockets fail again and again, long-polling is used, and a WebSocket is tried once more when
 * polling fails and, at a reconnect, after a while.
 */
export class Routes {
  readonly #servers: readonly string[]
  readonly #webSocketAgainMs: number
  #turn = 0
  #failures = 0
  /** In a row. */
  #refusals = 0
  /** `performance.now()` at which polling was chosen. */
  #pollingSinceMs: number | undefined
  #kind: LinkKind = 'web_socket'

  constructor(servers: readonly string[], webSocketAgainMs: number) {
    this.#servers = servers
    this.#webSocketAgainMs = webSocketAgainMs
  }

  next(nowMs: number): Route {
    if (this.#pollingSinceMs !== undefined && nowMs - this.#pollingSinceMs >= this.#webSocketAgainMs) {
      this.#kind = 'web_socket'
    }
    const server = this.#servers[this.#turn % this.#servers.length]
    if (server === undefined) throw new Error('a connection needs a server')
    return { server, kind: this.#kind }
  }

  succeeded(kind: LinkKind): void {
    this.#refusals = 0
    if (kind === 'poll') return
    this.#failures = 0
    this.#pollingSinceMs = undefined
  }

  /** It ended before it was of use, and not because this device is unwelcome. */
  failed(kind: LinkKind, unreachable: boolean, nowMs: number): void {
    if (kind === 'poll') {
      // The same server once more by WebSocket before the next one has its turn: no pair of the two is left out.
      this.#kind = 'web_socket'
      return
    }
    this.#turn++
    if (!unreachable) this.#failures++
    if (this.#failures < FAILURES_BEFORE_POLLING) return
    this.#kind = 'poll'
    this.#pollingSinceMs = nowMs
  }

  /** This server does not want this device. True while there is another one that was not asked in this round. */
  refused(): boolean {
    this.#turn++
    this.#refusals++
    return this.#refusals % this.#servers.length !== 0
  }
}
