import { connect, type Socket } from 'node:net'
import { AGENT_WS_PATH } from '@breeze/contract/agent-protocol'

const DRIBBLE_MS = 1000
const AGAIN_MS = 500

type Habit = 'dribbles its request' | 'never answers the challenge' | 'dribbles its frame'
const HABITS: readonly Habit[] = ['dribbles its request', 'never answers the challenge', 'dribbles its frame']

/** Peers that are no devices: they take a connection, and time. Each opens another when it is thrown out. */
export class SlowPeers {
  readonly #url: URL
  readonly #sockets = new Set<Socket>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #stopped = false
  /** How often the server ended one of their connections. */
  thrownOut = 0

  constructor(server: string, count: number) {
    this.#url = new URL(server)
    for (let index = 0; index < count; index++) this.#open(HABITS[index % HABITS.length] ?? 'dribbles its request')
  }

  get count(): number {
    return this.#sockets.size
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    for (const socket of this.#sockets) socket.destroy()
  }

  #open(habit: Habit): void {
    if (this.#stopped) return
    const socket = connect(Number(this.#url.port || 80), this.#url.hostname)
    this.#sockets.add(socket)
    const request =
      `GET ${AGENT_WS_PATH} HTTP/1.1\r\nHost: ${this.#url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
    socket.on('connect', () => {
      if (habit === 'dribbles its request') return this.#dribble(socket, request)
      socket.write(request)
      // The head of a masked text frame of 120 bytes, which then come one by one (RFC 6455 §5.2).
      if (habit === 'dribbles its frame') this.#dribble(socket, `\x81\xf8\0\0\0\0${'{'.repeat(120)}`)
    })
    socket.on('error', () => undefined)
    socket.resume()
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#stopped) return
      this.thrownOut++
      this.#later(AGAIN_MS, () => this.#open(habit))
    })
  }

  #dribble(socket: Socket, text: string, sent = 0): void {
    if (sent >= text.length || socket.destroyed) return
    socket.write(text.charAt(sent), 'latin1')
    this.#later(DRIBBLE_MS, () => this.#dribble(socket, text, sent + 1))
  }

  #later(milliseconds: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, milliseconds)
    this.#timers.add(timer)
  }
}
