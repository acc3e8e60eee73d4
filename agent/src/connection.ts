import { MAX_FRAME_BYTES, PROTOCOL_VERSION } from '@breeze/contract/agent-commands'
import { type AgentFrame, authenticationMessage, CLOSE, type ServerFrame } from '@breeze/contract/agent-protocol'
import { between, fullJitter, heartbeatOffset, untilNextHeartbeat } from './backoff.ts'
import type { Device, Reply, Welcome } from './device.ts'
import type { Link, LinkEnd, LinkKind, LinkOptions, LinkOwner } from './link.ts'
import { errorText, type Log } from './log.ts'
import { patiently } from './patience.ts'
import { PollLink } from './poll-link.ts'
import { Routes } from './routes.ts'
import type { ParsedFrame } from './server-frame.ts'
import { DIRECT, type Transport } from './transport.ts'
import { WebSocketLink } from './web-socket-link.ts'

export interface ConnectionTiming {
  /** Base of the reconnect jitter. */
  reconnectBaseMs: number
  /** Online this long, a connection counts as good and the back-off starts over. */
  stableMs: number
  /** From opening the link to welcome. After a restart a server lets thousands in, one after the other. */
  handshakeMs: number
  /** Least pause after the server said it does not want this device: only a person can change that. */
  refusedMs: number
  /** Least time between pings, so that a short heartbeat does not make a slow server look dead. */
  minimumKeepaliveMs: number
  /** How long long-polling goes on before a reconnect tries a WebSocket again. */
  webSocketAgainMs: number
}

const DEFAULT_TIMING: ConnectionTiming = {
  reconnectBaseMs: 1000,
  stableMs: 30_000,
  handshakeMs: 30_000,
  refusedMs: 300_000,
  minimumKeepaliveMs: 5000,
  webSocketAgainMs: 600_000,
}
const MAXIMUM_KEEPALIVE_MS = 60_000
const MAX_RETRY_AFTER_MS = 3_600_000
/** A machine that said it goes to sleep and did not, is back after this. */
const SLEEP_MS = 60_000

const LINKS: { readonly [K in LinkKind]: new (options: LinkOptions) => Link } = {
  web_socket: WebSocketLink,
  poll: PollLink,
}

/** The device itself is turned away: knocking again changes nothing, another link neither. */
const REFUSALS: ReadonlySet<number> = new Set([
  CLOSE.authenticationFailed,
  CLOSE.unknownDevice,
  CLOSE.replaced,
  CLOSE.copied,
])

type Timer = ReturnType<typeof setTimeout>
type Online = {
  state: 'online'
  link: Link
  sinceMs: number
  intervalMs: number
  heartbeat: Timer | undefined
}
type State =
  | { state: 'idle' }
  | { state: 'waiting'; timer: Timer }
  /** Link opening or open, no challenge yet. */
  | { state: 'connecting'; link: Link; deadline: Timer }
  /** Hello sent. Only now does a welcome mean anything. */
  | { state: 'authenticating'; link: Link; deadline: Timer }
  | Online
  | { state: 'stopped' }

type Goodbye = Extract<AgentFrame, { type: 'goodbye' }>['reason']

export interface ConnectionOptions {
  /** Tried in turn. */
  servers: readonly string[]
  transport?: Transport
  device: Device
  log: Log
  timing?: Partial<ConnectionTiming>
}

/** Keeps one device connected: challenge, hello, welcome, then heartbeats and commands, and back again after a loss. */
export class Connection implements LinkOwner {
  readonly #routes: Routes
  readonly #transport: Transport
  readonly #device: Device
  readonly #log: Log
  readonly #timing: ConnectionTiming
  #state: State = { state: 'idle' }
  #attempt = 0
  #retryAfterMs: number | undefined
  /** Told by an `error` frame, whatever the close code that follows it. */
  #copied = false

  constructor(options: ConnectionOptions) {
    this.#device = options.device
    this.#log = options.log
    this.#transport = options.transport ?? DIRECT
    this.#timing = options.timing ? { ...DEFAULT_TIMING, ...options.timing } : DEFAULT_TIMING
    this.#routes = new Routes(options.servers, this.#timing.webSocketAgainMs)
  }

  get state(): State['state'] {
    return this.#state.state
  }

  /** The last measured way to the server and back. */
  get roundTripMs(): number | null {
    return this.#link()?.roundTripMs ?? null
  }

  start(): void {
    if (this.#state.state === 'idle') this.#connect()
  }

  /** Says goodbye where it can and never connects again. */
  async stop(reason: Goodbye): Promise<void> {
    if (this.#state.state === 'online') await patiently(this.reply({ type: 'goodbye', reason }))
    await this.#leave({ state: 'stopped' })?.close()
  }

  /** The machine is about to sleep: the server shall not wonder at the silence. Connects anew when it is awake. */
  async sleep(): Promise<void> {
    if (this.#state.state !== 'online') return
    await patiently(this.reply({ type: 'goodbye', reason: 'sleep' }))
    if (this.#state.state === 'online') await this.#wait(SLEEP_MS)?.close()
  }

  /** One beat out of turn, for whoever has time pass faster than it does. */
  beat(): void {
    const online = this.#state
    if (online.state === 'online') this.#guard('heartbeat', () => this.#beat(online))
  }

  readonly reply: Reply = (frame) => {
    const state = this.#state
    return state.state === 'online' ? this.#send(state.link, frame) : Promise.resolve(false)
  }

  arrived(link: Link, parsed: ParsedFrame): void {
    if (this.#link() !== link) return
    if (parsed.kind === 'frame') this.#handle(link, parsed.frame)
    else this.#log('frame_ignored', { reason: parsed.reason })
  }

  ended(link: Link, end: LinkEnd): void {
    if (this.#link() !== link) return
    if (end.retryAfterSeconds !== undefined) this.#holdOff(end.retryAfterSeconds)
    const code = this.#copied ? CLOSE.copied : end.code
    this.#copied = false
    this.#judge(link.kind, code, end.unreachable === true)
    const delayMs = Math.round(REFUSALS.has(code) ? this.#delayAfterRefusal(code) : this.#delay())
    this.#retryAfterMs = undefined
    this.#log('disconnected', { code, retryMs: delayMs })
    this.#wait(delayMs)
    if (code === CLOSE.copied) this.#guard('copied', () => this.#device.copied?.())
  }

  #connect(): void {
    const { server, kind } = this.#routes.next(performance.now())
    const { handshakeMs } = this.#timing
    const link = new LINKS[kind]({ server, transport: this.#transport, owner: this, log: this.#log, handshakeMs })
    const deadline = setTimeout(() => {
      this.#log('handshake_timeout', { link: kind })
      link.terminate()
    }, handshakeMs)
    this.#state = { state: 'connecting', link, deadline }
  }

  /** Frames that do not fit the state are logged and otherwise ignored: the handshake deadline ends a stuck exchange. */
  #handle(link: Link, frame: ServerFrame): void {
    const { state } = this.#state
    if (frame.type === 'error') this.#failed(frame)
    else if (frame.type === 'challenge' && state === 'connecting') this.#authenticate(link, frame.nonce)
    else if (frame.type === 'welcome' && state === 'authenticating') this.#welcomed(link, frame)
    else if (state === 'online') this.#serve(frame)
    else this.#log('frame_out_of_turn', { type: frame.type, state })
  }

  #serve(frame: ServerFrame): void {
    const device = this.#device
    switch (frame.type) {
      case 'send_inventory':
        return this.#guard('inventory', () => this.#sendInventory(frame))
      case 'configuration':
        return this.#guard('configuration', () => this.#configure(frame))
      case 'command':
        return this.#guard('command', () => device.handleCommand(frame.command, this.reply))
      case 'cancel':
        return this.#guard('cancel', () => device.handleCancel?.(frame.cancel, this.reply))
      case 'result_recorded':
        return this.#guard('result_recorded', () => device.resultRecorded?.(frame.commandId))
      case 'metrics_recorded':
        return this.#guard('metrics_recorded', () => device.metricsRecorded?.(frame.until))
      case 'events_recorded':
        return this.#guard('events_recorded', () => device.eventsRecorded?.(frame.sequence))
      case 'key_rotated':
        return this.#guard('key_rotated', () => device.keyRotated?.(frame.publicKey))
      default:
        this.#log('frame_out_of_turn', { type: frame.type, state: 'online' })
    }
  }

  #failed(error: Extract<ServerFrame, { type: 'error' }>): void {
    this.#log('server_error', { code: error.code, message: error.message })
    if (error.retryAfterSeconds !== undefined) this.#holdOff(error.retryAfterSeconds)
    if (error.code === 'copied') this.#copied = true
  }

  #authenticate(link: Link, nonce: string): void {
    if (this.#state.state !== 'connecting') return
    this.#state = { state: 'authenticating', link, deadline: this.#state.deadline }
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
    this.#guard('hello', () => this.#send(link, hello))
  }

  #welcomed(link: Link, welcome: Welcome): void {
    if (this.#state.state !== 'authenticating') return
    clearTimeout(this.#state.deadline)
    this.#routes.succeeded(link.kind)
    const online: Online = {
      state: 'online',
      link,
      sinceMs: performance.now(),
      intervalMs: welcome.heartbeatSeconds * 1000,
      heartbeat: undefined,
    }
    this.#state = online
    this.#log('online', { heartbeatSeconds: welcome.heartbeatSeconds, link: link.kind })
    // One beat at once (connections are already spread by jitter), then on the device's own place in the interval.
    this.#guard('welcome', () => this.#device.welcomed?.(welcome, this.reply))
    this.#guard('heartbeat', () => this.#beat(online))
    this.#pace(online)
  }

  async #configure({ etag, configuration }: Extract<ServerFrame, { type: 'configuration' }>): Promise<void> {
    if (!(await this.#device.configure?.(etag, configuration))) return
    const online = this.#state
    if (online.state !== 'online') return
    online.intervalMs = configuration.heartbeatSeconds * 1000
    this.#pace(online)
  }

  /** Heartbeats and keep-alive by the interval in force. */
  #pace(online: Online): void {
    clearTimeout(online.heartbeat)
    const keepaliveMs = Math.max(online.intervalMs, this.#timing.minimumKeepaliveMs)
    online.link.keepAlive(Math.min(keepaliveMs, MAXIMUM_KEEPALIVE_MS))
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
    const roundTripMs = body.roundTripMs ?? online.link.roundTripMs
    await this.#send(online.link, { type: 'heartbeat', sentAt: new Date().toISOString(), ...body, roundTripMs })
  }

  async #sendInventory(frame: Extract<ServerFrame, { type: 'send_inventory' }>): Promise<void> {
    const body = await this.#device.inventory(frame.sections, frame.whole ?? [])
    await this.reply({ type: 'inventory', ...body })
  }

  /** What the end of a link says about the way it took. */
  #judge(kind: LinkKind, code: number, unreachable: boolean): void {
    const state = this.#state
    if (state.state === 'online') {
      if (performance.now() - state.sinceMs >= this.#timing.stableMs) this.#attempt = 0
    } else if (!REFUSALS.has(code) && code !== CLOSE.draining) {
      this.#routes.failed(kind, unreachable, performance.now())
    }
  }

  #delayAfterRefusal(code: number): number {
    const { reconnectBaseMs, refusedMs } = this.#timing
    // Somebody else holds this identity; two that reconnect at once would throw each other out for ever.
    if (code === CLOSE.replaced) return between(refusedMs / 5, refusedMs / 2)
    // The next thing to come is another identity. If none does, it is asked for once more.
    if (code === CLOSE.copied) return between(refusedMs, 2 * refusedMs)
    if (code === CLOSE.authenticationFailed && this.#device.hasAnotherKey?.()) return between(0, reconnectBaseMs)
    // Perhaps this one is not the device's own server any more, and the next one is.
    if (this.#routes.refused()) return between(0, reconnectBaseMs)
    this.#log('device_refused', { remedy: 'if it was removed on the server: delete identity.json, enroll again' })
    return between(refusedMs, 2 * refusedMs)
  }

  #delay(): number {
    const { reconnectBaseMs } = this.#timing
    const jitter = fullJitter(reconnectBaseMs, this.#attempt++)
    if (this.#retryAfterMs === undefined) return jitter
    return this.#retryAfterMs + between(0, Math.max(reconnectBaseMs, this.#retryAfterMs / 2))
  }

  #holdOff(seconds: number): void {
    if (seconds >= 0) this.#retryAfterMs = Math.min(seconds * 1000, MAX_RETRY_AFTER_MS)
  }

  #wait(delayMs: number): Link | undefined {
    return this.#leave({ state: 'waiting', timer: setTimeout(() => this.#connect(), delayMs) })
  }

  /** Clears what the old state had running and gives its link. */
  #leave(next: State): Link | undefined {
    const link = this.#link()
    const old = this.#state
    if (old.state === 'waiting') clearTimeout(old.timer)
    if (old.state === 'connecting' || old.state === 'authenticating') clearTimeout(old.deadline)
    if (old.state === 'online') clearTimeout(old.heartbeat)
    this.#state = next
    return link
  }

  #link(): Link | undefined {
    return 'link' in this.#state ? this.#state.link : undefined
  }

  #send(link: Link, frame: AgentFrame): Promise<boolean> {
    const text = JSON.stringify(frame)
    if (Buffer.byteLength(text) > MAX_FRAME_BYTES) {
      this.#log('frame_too_large', { type: frame.type })
      return Promise.resolve(false)
    }
    return link.send(text)
  }

  /** A device's failure must not take the connection down with it. */
  #guard(what: string, work: () => unknown): void {
    const run = async () => {
      await work()
    }
    run().catch((error: unknown) => this.#log('device_error', { what, message: errorText(error) }))
  }
}
