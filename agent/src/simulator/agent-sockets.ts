import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { AGENT_WS_PATH } from '@breeze/contract/agent-protocol'

const CHANNEL = 'http.client.request.start'

/**
 * The network under this process's agents, so that it can fail: the sockets are seen from outside and nothing of the
 * connection is touched, hence what follows a cut is the agent's own reconnect.
 */
export class AgentSockets {
  readonly #host: string
  readonly #open = new Set<Socket>()

  constructor(server: string) {
    this.#host = new URL(server).host
    subscribe(CHANNEL, this.#requested)
  }

  get count(): number {
    return this.#open.size
  }

  /** Cuts them all, without a word to either side. Answers how many there were. */
  cut(): number {
    const sockets = [...this.#open]
    for (const socket of sockets) socket.destroy()
    return sockets.length
  }

  close(): void {
    unsubscribe(CHANNEL, this.#requested)
    this.#open.clear()
  }

  readonly #requested = (message: unknown): void => {
    // The channel's documented message: { request: http.ClientRequest }.
    const { request } = message as { request: ClientRequest }
    if (request.path !== AGENT_WS_PATH || request.getHeader('host') !== this.#host) return
    const { socket } = request
    if (socket) this.#add(socket)
    else request.once('socket', (assigned) => this.#add(assigned))
  }

  #add(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
  }
}
