/** One agent's connection, whatever carries it: challenge, proof, then frames both ways until it closes. */
import { PROTOCOL_VERSION } from '@breeze/contract/agent-commands'
import { CLOSE, type ServerFrame } from '@breeze/contract/agent-protocol'
import type { KnownDevice } from '../../domains/devices/directory.ts'
import type { Authentication, Hello } from './authentication.ts'
import { Conversation, type ConversationHost } from './conversation.ts'
import { parseAgentFrame } from './frames.ts'
import { TokenBucket } from './token-bucket.ts'
import type { AgentTransport, TransportPeer } from './transport.ts'

/** What a connection works with, shared by all of them. */
export interface ConnectionHost extends ConversationHost {
  authentication: Authentication
  challengeMs: number
  welcome(device: KnownDevice): ServerFrame
  /** False for a copy of the machine that the device is: it is not let in. */
  arrives(device: KnownDevice, hello: Hello): boolean
  /** Proven: it may take another connection's place. */
  ready(connection: AgentConnection, deviceId: string): void
  closed(connection: AgentConnection, deviceId: string | null): void
}

type State =
  | { state: 'challenged'; nonce: string; deadline: ReturnType<typeof setTimeout> }
  | { state: 'checking' }
  | { state: 'ready'; conversation: Conversation }
  | { state: 'closing'; deviceId: string | null }

const FRAMES_PER_SECOND = 50
const BURST = 500
/** A frame of this size counts as one more. */
const COSTLY_BYTES = 64 * 1024
/** Results being written; more is not taken in until they are. */
const MAX_HELD_BYTES = 8 * 1024 * 1024
/** A device that does not read what it is sent loses its connection, never its commands. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024

export const COPIED = {
  code: 'copied',
  message: 'Another machine has the same identity. Become a device of your own, with a key of your own.',
}

export class AgentConnection implements TransportPeer {
  readonly #host: ConnectionHost
  readonly #transport: AgentTransport
  readonly #frames: TokenBucket
  #state: State
  #heardMs: number
  #heldBytes = 0
  #resume: ReturnType<typeof setTimeout> | undefined

  constructor(host: ConnectionHost, transport: AgentTransport) {
    this.#host = host
    this.#transport = transport
    this.#heardMs = this.#nowMs()
    this.#frames = new TokenBucket(FRAMES_PER_SECOND, BURST, this.#heardMs)
    const nonce = host.environment.randomBytes(32).toString('base64url')
    const deadline = setTimeout(() => {
      // Slow is not wrong: a device whose proof failed would stay away for minutes.
      this.refuse(CLOSE.draining, 'challenge_expired', 'The challenge was not answered in time.')
    }, host.challengeMs)
    this.#state = { state: 'challenged', nonce, deadline }
    transport.listen(this)
    this.send({ type: 'challenge', nonce, serverTime: host.environment.now().toISOString() })
  }

  get deviceId(): string | null {
    return this.conversation?.device.id ?? null
  }

  /** Null before the proof and after the end. */
  get conversation(): Conversation | null {
    return this.#state.state === 'ready' ? this.#state.conversation : null
  }

  /** Milliseconds since anything came in. */
  get silentMs(): number {
    return this.#nowMs() - this.#heardMs
  }

  send(frame: ServerFrame): void {
    this.#transport.send(JSON.stringify(frame))
    if (this.#transport.bufferedBytes > MAX_UNSENT_BYTES) this.#transport.terminate()
  }

  close(code: number, error?: { code: string; message: string; retryAfterSeconds?: number }): void {
    if (this.#state.state === 'closing') return
    if (this.#state.state === 'challenged') clearTimeout(this.#state.deadline)
    const { deviceId } = this
    this.#state = { state: 'closing', deviceId }
    if (error) this.send({ type: 'error', ...error })
    this.#transport.close(code)
  }

  terminate(): void {
    this.#transport.terminate()
  }

  refuse(close: number, code: string, message: string): void {
    this.#host.log.warn({ deviceId: this.deviceId, code }, 'agent connection refused')
    this.close(close, { code, message })
  }

  closed(): void {
    if (this.#state.state === 'challenged') clearTimeout(this.#state.deadline)
    clearTimeout(this.#resume)
    const deviceId = this.#state.state === 'closing' ? this.#state.deviceId : this.deviceId
    this.#state = { state: 'closing', deviceId }
    this.#host.closed(this, deviceId)
  }

  frame(value: unknown, bytes: number): void {
    if (this.#state.state === 'closing') return
    this.alive()
    this.#frames.spend(1 + Math.floor(bytes / COSTLY_BYTES))
    this.#slowDown()
    const frame = parseAgentFrame(value, this.#host.environment.now())
    if (!frame) this.refuse(CLOSE.protocolError, 'bad_frame', 'A frame did not match the protocol.')
    else if (this.#state.state === 'ready') this.#state.conversation.handle(frame, bytes)
    else if (this.#state.state === 'challenged' && frame.type === 'hello')
      void this.#authenticate(frame, this.#state.nonce)
    else this.refuse(CLOSE.protocolError, 'out_of_turn', `A ${frame.type} frame came before the welcome.`)
  }

  /** The nonce is gone from here on: it can be answered once. */
  async #authenticate(hello: Hello, nonce: string): Promise<void> {
    if (this.#state.state === 'challenged') clearTimeout(this.#state.deadline)
    this.#state = { state: 'checking' }
    if (hello.protocol !== PROTOCOL_VERSION) {
      return this.refuse(
        CLOSE.protocolError,
        'unsupported_protocol',
        `This server speaks protocol ${PROTOCOL_VERSION}.`,
      )
    }
    try {
      const verdict = await this.#host.authentication.check(hello, nonce)
      if (this.#state.state !== 'checking') return
      if (verdict.state === 'unknown')
        return this.refuse(CLOSE.unknownDevice, 'unknown_device', 'This device is not enrolled here.')
      if (verdict.state === 'refused') {
        return this.refuse(
          CLOSE.authenticationFailed,
          'authentication_failed',
          'The signature does not match the device.',
        )
      }
      this.#transport.proven()
      if (!this.#host.arrives(verdict.device, hello)) return this.refuse(CLOSE.copied, COPIED.code, COPIED.message)
      const conversation = new Conversation(this.#host, this, verdict.device, hello.configurationEtag)
      this.#state = { state: 'ready', conversation }
      this.send(this.#host.welcome(verdict.device))
      conversation.configure()
      this.#host.ready(this, verdict.device.id)
    } catch (error) {
      this.comeBackLater(error, 'agent could not be authenticated')
    }
  }

  /** Being written: whoever brings more waits until `release`. */
  hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#slowDown()
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes
  }

  /** Too many frames, or too much being written: the network holds the rest back, nothing is thrown away. */
  #slowDown(): void {
    const waitMs = Math.max(this.#frames.wait(this.#nowMs()), this.#heldBytes > MAX_HELD_BYTES ? 20 : 0)
    if (waitMs === 0 || this.#resume) return
    this.#transport.pause()
    this.#resume = setTimeout(() => {
      this.#resume = undefined
      this.#transport.resume()
      this.#slowDown()
    }, waitMs)
  }

  comeBackLater(error: unknown, what: string): void {
    this.#host.log.error({ err: error, deviceId: this.deviceId }, what)
    const retryAfterSeconds = 5 + (this.#host.environment.randomBytes(1)[0] ?? 0) / 10
    this.close(CLOSE.draining, {
      code: 'unavailable',
      message: 'The server can not serve this device now.',
      retryAfterSeconds,
    })
  }

  alive(): void {
    this.#heardMs = this.#nowMs()
  }

  #nowMs(): number {
    return this.#host.environment.now().getTime()
  }
}
