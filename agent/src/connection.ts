import { MAX_FRAME_BYTES, PROTOCOL_VERSION } from '@breeze/contract/agent-commands'
import {
  AGENT_WS_PATH,
  type AgentFrame,
  authenticationMessage,
  CLOSE,
  type ServerFrame,
} from '@breeze/contract/agent-protocol'
import { type RawData, WebSocket } from 'ws'
import { between, fullJitter, heartbeatOffset, untilNextHeartbeat } from './backoff.ts'
import type { Device, Reply, Welcome } from './device.ts'
import { errorText, type Log } from './log.ts'
import { patiently } from './patience.ts'
import { parseServerFrame } from './server-frame.ts'

export interface ConnectionTiming {
  /** Base of the reconnect jitter. */
  reconnectBaseMs: number
  /** Online this long, a connection counts as good and the back-off starts over. */
  stableMs: number
  /** From opening the socket to welcome. */
  handshakeMs: number
  /** Least pause after the server said it does not want this device: only a person can change that. */
  refusedMs: number
  /** Least time between pings, so that a short heartbeat does not make a slow server look dead. */
  minimumKeepaliveMs: number
}

const DEFAULT_TIMING: ConnectionTiming = {
  reconnectBaseMs: 1000,
  stableMs: 30_000,
  handshakeMs: 15_000,
  refusedMs: 300_000,
  minimumKeepaliveMs: 5000,
}
const MAXIMUM_KEEPALIVE_MS = 60_000
const MAX_RETRY_AFTER_MS = 3_600_000
const CLOSE_PATIENCE_MS = 1000

type Timer = ReturnType<typeof setTimeout>
type Online = {
  state: 'online'
  socket: WebSocket
  sinceMs: number
  intervalMs: number
  keepaliveMs: number
  heartbeat: Timer | undefined
  keepalive: Timer | undefined
}
type State =
  | { state: 'idle' }
  | { state: 'waiting'; timer: Timer }
  /** Socket opening or open, no challenge yet. */
  | { state: 'connecting'; socket: WebSocket; deadline: Timer }
  /** Hello sent. Only now does a welcome mean anything. */
  | { state: 'authenticating'; socket: WebSocket; deadline: Timer }
  | Online
  | { state: 'stopped' }

export interface ConnectionOptions {
  server: string
  device: Device
  log: Log
  timing?: Partial<ConnectionTiming>
}

/** Keeps one device connected: challenge, hello, welcome, then heartbeats and commands, and back again after a loss. */
export class Connection {
  readonly #url: string
  readonly #device: Device
  readonly #log: Log
  readonly #timing: ConnectionTiming
  #state: State = { state: 'idle' }
  #attempt = 0
  #retryAfterMs: number | undefined
  #lastHeardMs = 0

  constructor(options: ConnectionOptions) {
    this.#url = new URL(AGENT_WS_PATH, options.server.replace(/^http/, 'ws')).href
    this.#device = options.device
    this.#log = options.log
    this.#timing = options.timing ? { ...DEFAULT_TIMING, ...options.timing } : DEFAULT_TIMING
  }

  get state(): State['state'] {
    return this.#state.state
  }

  start(): void {
    if (this.#state.state === 'idle') this.#connect()
  }

  /** Says goodbye where it can and never connects again. */
  async stop(reason: Extract<AgentFrame, { type: 'goodbye' }>['reason']): Promise<void> {
    if (this.#state.state === 'online') await patiently(this.reply({ type: 'goodbye', reason }))
    const last = this.#leave({ state: 'stopped' })
    if (!last || last.readyState === WebSocket.CLOSED) return
    await new Promise<void>((resolve) => {
      const impatience = setTimeout(() => last.terminate(), CLOSE_PATIENCE_MS)
      last.once('close', () => {
        clearTimeout(impatience)
        resolve()
      })
      last.close(1000)
    })
  }

  readonly reply: Reply = (frame) => {
    const state = this.#state
    return state.state === 'online' ? this.#send(state.socket, frame) : Promise.resolve(false)
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, {
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      handshakeTimeout: this.#timing.handshakeMs,
      followRedirects: false,
    })
    const deadline = setTimeout(() => {
      this.#log('handshake_timeout')
      socket.terminate()
    }, this.#timing.handshakeMs)
    this.#state = { state: 'connecting', socket, deadline }
    socket.on('message', (data) => this.#receive(socket, data))
    socket.on('ping', () => this.#heard())
    socket.on('pong', () => this.#heard())
    socket.on('error', (error) => this.#log('socket_error', { message: errorText(error) }))
    socket.on('close', (code) => this.#lost(socket, code))
    socket.on('unexpected-response', (_request, response) => {
      this.#log('upgrade_refused', { status: response.statusCode ?? 0 })
      this.#holdOff(Number(response.headers['retry-after']))
      socket.terminate()
    })
  }

  #receive(socket: WebSocket, data: RawData): void {
    if (this.#socket() !== socket) return
    this.#heard()
    const parsed = parseServerFrame(data)
    if (parsed.kind === 'unreadable') {
      this.#log('frame_ignored', { reason: parsed.reason })
      return
    }
    this.#handle(socket, parsed.frame)
  }

  /** Frames that do not fit the state are logged and otherwise ignored: the handshake deadline ends a stuck exchange. */
  #handle(socket: WebSocket, frame: ServerFrame): void {
    const { state } = this.#state
    if (frame.type === 'error') {
      this.#log('server_error', { code: frame.code, message: frame.message })
      if (frame.retryAfterSeconds !== undefined) this.#holdOff(frame.retryAfterSeconds)
    } else if (frame.type === 'challenge' && state === 'connecting') this.#authenticate(socket, frame.nonce)
    else if (frame.type === 'welcome' && state === 'authenticating') this.#welcomed(socket, frame)
    else if (frame.type === 'send_inventory' && state === 'online')
      this.#guard('inventory', () => this.#sendInventory(frame))
    else if (frame.type === 'command' && state === 'online') {
      this.#guard('command', () => this.#device.handleCommand(frame.command, this.reply))
    } else if (frame.type === 'result_recorded' && state === 'online') {
      this.#guard('result_recorded', () => this.#device.resultRecorded?.(frame.commandId))
    } else this.#log('frame_out_of_turn', { type: frame.type, state })
  }

  #authenticate(socket: WebSocket, nonce: string): void {
    if (this.#state.state !== 'connecting') return
    this.#state = { state: 'authenticating', socket, deadline: this.#state.deadline }
    const { deviceId, agentVersion, bootId, machineId, configurationEtag } = this.#device
    const signature = this.#device.sign(authenticationMessage(nonce, deviceId))
    const hello: AgentFrame = {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      deviceId,
      signature,
      agentVersion,
      bootId,
      machineId,
      configurationEtag,
    }
    this.#guard('hello', () => this.#send(socket, hello))
  }

  #welcomed(socket: WebSocket, welcome: Welcome): void {
    if (this.#state.state !== 'authenticating') return
    clearTimeout(this.#state.deadline)
    const intervalMs = welcome.heartbeatSeconds * 1000
    const keepaliveMs = Math.min(Math.max(intervalMs, this.#timing.minimumKeepaliveMs), MAXIMUM_KEEPALIVE_MS)
    const online: Online = {
      state: 'online',
      socket,
      sinceMs: performance.now(),
      intervalMs,
      keepaliveMs,
      heartbeat: undefined,
      keepalive: undefined,
    }
    this.#state = online
    this.#log('online', { heartbeatSeconds: welcome.heartbeatSeconds })
    online.keepalive = setInterval(() => this.#keepalive(online), keepaliveMs)
    // One beat at once (connections are already spread by jitter), then on the device's own place in the interval.
    this.#guard('welcome', () => this.#device.welcomed?.(welcome, this.reply))
    this.#guard('heartbeat', () => this.#beat(online))
    this.#scheduleBeat(online)
  }

  #scheduleBeat(online: Online): void {
    const offset = heartbeatOffset(this.#device.deviceId, online.intervalMs)
    online.heartbeat = setTimeout(
      () => {
        this.#guard('heartbeat', () => this.#beat(online))
        this.#scheduleBeat(online)
      },
      untilNextHeartbeat(Date.now(), offset, online.intervalMs),
    )
  }

  async #beat(online: Online): Promise<void> {
    const body = await this.#device.heartbeat()
    if (this.#state !== online) return
    await this.#send(online.socket, { type: 'heartbeat', sentAt: new Date().toISOString(), ...body })
  }

  async #sendInventory(frame: Extract<ServerFrame, { type: 'send_inventory' }>): Promise<void> {
    const body = await this.#device.inventory(frame.sections)
    await this.reply({ type: 'inventory', ...body })
  }

  /** A peer that vanished without a FIN is noticed after two silent rounds. */
  #keepalive(online: Online): void {
    const silentMs = performance.now() - this.#lastHeardMs
    if (silentMs > 2 * online.keepaliveMs) {
      this.#log('server_silent', { seconds: Math.round(silentMs / 1000) })
      online.socket.terminate()
    } else online.socket.ping()
  }

  #lost(socket: WebSocket, code: number): void {
    if (this.#socket() !== socket) return
    const state = this.#state
    if (state.state === 'online' && performance.now() - state.sinceMs >= this.#timing.stableMs) this.#attempt = 0
    const delayMs = Math.round(this.#delayAfter(code))
    this.#retryAfterMs = undefined
    this.#log('disconnected', { code, retryMs: delayMs })
    this.#leave({ state: 'waiting', timer: setTimeout(() => this.#connect(), delayMs) })
  }

  #delayAfter(code: number): number {
    const { reconnectBaseMs, refusedMs } = this.#timing
    if (code === CLOSE.authenticationFailed || code === CLOSE.unknownDevice) {
      this.#log('device_refused', { remedy: 'if it was removed on the server: delete identity.json, enroll again' })
      return between(refusedMs, 2 * refusedMs)
    }
    // Somebody else holds this identity; two that reconnect at once would throw each other out for ever.
    if (code === CLOSE.replaced) return between(refusedMs / 5, refusedMs / 2)
    const jitter = fullJitter(reconnectBaseMs, this.#attempt++)
    if (this.#retryAfterMs === undefined) return jitter
    return this.#retryAfterMs + between(0, Math.max(reconnectBaseMs, this.#retryAfterMs / 2))
  }

  #holdOff(seconds: number): void {
    if (seconds >= 0) this.#retryAfterMs = Math.min(seconds * 1000, MAX_RETRY_AFTER_MS)
  }

  /** Clears what the old state had running and gives its socket. */
  #leave(next: State): WebSocket | undefined {
    const socket = this.#socket()
    const old = this.#state
    if (old.state === 'waiting') clearTimeout(old.timer)
    if (old.state === 'connecting' || old.state === 'authenticating') clearTimeout(old.deadline)
    if (old.state === 'online') {
      clearTimeout(old.heartbeat)
      clearInterval(old.keepalive)
    }
    this.#state = next
    return socket
  }

  #socket(): WebSocket | undefined {
    return 'socket' in this.#state ? this.#state.socket : undefined
  }

  #heard(): void {
    this.#lastHeardMs = performance.now()
  }

  #send(socket: WebSocket, frame: AgentFrame): Promise<boolean> {
    const text = JSON.stringify(frame)
    if (Buffer.byteLength(text) > MAX_FRAME_BYTES) {
      this.#log('frame_too_large', { type: frame.type })
      return Promise.resolve(false)
    }
    return new Promise((resolve) => socket.send(text, (error) => resolve(!error)))
  }

  /** A device's failure must not take the connection down with it. */
  #guard(what: string, work: () => unknown): void {
    const run = async () => {
      await work()
    }
    run().catch((error: unknown) => this.#log('device_error', { what, message: errorText(error) }))
  }
}
