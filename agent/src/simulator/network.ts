import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Socket } from 'node:net'
import type { Transport } from '../transport.ts'

const unreachable = () => Object.assign(new Error('the network of this site is down (simulated)'), { code: 'ENETDOWN' })

/** The way of one site's devices to the server. */
class Site implements Transport {
  readonly sockets = new Set<Socket>()
  readonly #agent: HttpAgent
  readonly #ended: (socket: Socket) => void
  #isDown = false

  constructor(isSecure: boolean, ended: (socket: Socket) => void) {
    this.#ended = ended
    this.#agent = isSecure ? new HttpsAgent() : new HttpAgent()
    const create = this.#agent.createConnection.bind(this.#agent)
    this.#agent.createConnection = (options, callback) => {
      if (this.#isDown) {
        callback?.(unreachable(), new Socket())
        return undefined
      }
      const made = create(options, callback)
      // Both agents make sockets; the declared type also allows other streams.
      if (made) this.#add(made as Socket)
      return made
    }
  }

  get isDown(): boolean {
    return this.#isDown
  }

  agentFor(): HttpAgent {
    return this.#agent
  }

  /** Nothing goes either way and nobody is told, as when a line is cut. */
  silence(): void {
    this.#isDown = true
    for (const socket of this.sockets) {
      socket.pause()
      socket.cork()
    }
  }

  /** What was held up goes on. */
  restore(): void {
    this.#isDown = false
    for (const socket of this.sockets) {
      socket.uncork()
      socket.resume()
    }
  }

  #add(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => {
      this.sockets.delete(socket)
      this.#ended(socket)
    })
  }
}

/** The networks under this process's devices, so that they can fail: what follows is the agent's own behaviour. */
export class SimulatedNetwork {
  readonly #isSecure: boolean
  readonly #sites = new Map<string, Site>()
  #bytesIn = 0
  #bytesOut = 0

  constructor(server: string) {
    this.#isSecure = new URL(server).protocol === 'https:'
  }

  transportOf(site: string): Transport {
    return this.#site(site)
  }

  get count(): number {
    return [...this.#sites.values()].reduce((sum, site) => sum + site.sockets.size, 0)
  }

  /** Of all connections, those that ended included. */
  get bytes(): { in: number; out: number } {
    const bytes = { in: this.#bytesIn, out: this.#bytesOut }
    for (const { bytesRead, bytesWritten } of this.#sockets()) {
      bytes.in += bytesRead
      bytes.out += bytesWritten
    }
    return bytes
  }

  /** Ends all connections without a word to either side. Answers how many there were. */
  cut(): number {
    const sockets = [...this.#sockets()]
    for (const socket of sockets) socket.destroy()
    return sockets.length
  }

  isSilent(site: string): boolean {
    return this.#site(site).isDown
  }

  silence(site: string): void {
    this.#site(site).silence()
  }

  restore(site: string): void {
    this.#site(site).restore()
  }

  /** From now on this share of the connections reads nothing, while it goes on sending. Answers how many. */
  stall(share: number): number {
    const chosen = [...this.#sockets()].filter(() => Math.random() < share)
    for (const socket of chosen) socket.pause()
    return chosen.length
  }

  *#sockets(): Generator<Socket> {
    for (const site of this.#sites.values()) yield* site.sockets
  }

  #site(name: string): Site {
    let site = this.#sites.get(name)
    if (!site) {
      site = new Site(this.#isSecure, (socket) => {
        this.#bytesIn += socket.bytesRead
        this.#bytesOut += socket.bytesWritten
      })
      this.#sites.set(name, site)
    }
    return site
  }
}
