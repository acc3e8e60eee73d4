/** One agent's connection, whatever carries it: challenge, proof, then frames both ways until it closes. */
import { PROTOCOL_VERSION } from '@breeze/contract/agent-commands'
import { SECTION_NAMES, type SectionName } from '@breeze/contract/agent-inventory'
import { type AgentFrame, CLOSE, type ServerFrame } from '@breeze/contract/agent-protocol'
import type { Logger } from 'pino'
import type { Commands } from '../../domains/commands/service.ts'
import type { KnownDevice } from '../../domains/devices/directory.ts'
import type { Inventory } from '../../domains/devices/inventory.ts'
import type { Presence } from '../../domains/devices/presence.ts'
import type { Environment } from '../../kernel/context.ts'
import type { Authentication, Hello } from './authentication.ts'
import { clockSkewMs, parseAgentFrame } from './frames.ts'
import { TokenBucket } from './token-bucket.ts'
import type { AgentTransport, TransportPeer } from './transport.ts'

/** What a connection works with, shared by all of them. */
export interface ConnectionHost {
  commands: Commands
  presence: Presence
  inventory: Inventory
  authentication: Authentication
  environment: Environment
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  challengeMs: number
  welcome(): ServerFrame
  /** Proven: it may take another connection's place. */
  ready(connection: AgentConnection, deviceId: string): void
  closed(connection: AgentConnection, deviceId: string | null): void
}

type State =
  | { state: 'challenged'; nonce: string; deadline: ReturnType<typeof setTimeout> }
  | { state: 'checking' }
  | { state: 'ready'; device: KnownDevice }
  | { state: 'closing'; deviceId: string | null }

const FRAMES_PER_SECOND = 50
const BURST = 500
/** A frame of this size counts as one more. */
const COSTLY_BYTES = 64 * 1024
/** Results being written; more is not taken in until they are. */
const MAX_HELD_BYTES = 8 * 1024 * 1024
/** A device that does not read what it is sent loses its connection, never its commands. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024

export class AgentConnection implements TransportPeer {
  readonly #host: ConnectionHost
  readonly #transport: AgentTransport
  readonly #frames: TokenBucket
  #state: State
  #heardMs: number
  #heldBytes = 0
  #resume: ReturnType<typeof setTimeout> | undefined
  /** Section → hash that was asked for and has not come yet, and how often. */
  readonly #asked = new Map<SectionName, { hash: string; beats: number }>()

  constructor(host: ConnectionHost, transport: AgentTransport) {
    this.#host = host
    this.#transport = transport
    this.#heardMs = this.#nowMs()
    this.#frames = new TokenBucket(FRAMES_PER_SECOND, BURST, this.#heardMs)
    const nonce = host.environment.randomBytes(32).toString('base64url')
    const deadline = setTimeout(() => {
      this.#refuse(CLOSE.authenticationFailed, 'challenge_expired', 'The challenge was not answered in time.')
    }, host.challengeMs)
    this.#state = { state: 'challenged', nonce, deadline }
    transport.listen(this)
    this.send({ type: 'challenge', nonce, serverTime: host.environment.now().toISOString() })
  }

  get deviceId(): string | null {
    return this.#state.state === 'ready' ? this.#state.device.id : null
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

  #refuse(close: number, code: string, message: string): void {
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
    if (!frame) this.#refuse(CLOSE.protocolError, 'bad_frame', 'A frame did not match the protocol.')
    else if (this.#state.state === 'ready') this.#handle(this.#state.device, frame, bytes)
    else if (this.#state.state === 'challenged' && frame.type === 'hello')
      void this.#authenticate(frame, this.#state.nonce)
    else this.#refuse(CLOSE.protocolError, 'out_of_turn', `A ${frame.type} frame came before the welcome.`)
  }

  /** The nonce is gone from here on: it can be answered once. */
  async #authenticate(hello: Hello, nonce: string): Promise<void> {
    if (this.#state.state === 'challenged') clearTimeout(this.#state.deadline)
    this.#state = { state: 'checking' }
    if (hello.protocol !== PROTOCOL_VERSION) {
      return this.#refuse(
        CLOSE.protocolError,
        'unsupported_protocol',
        `This server speaks protocol ${PROTOCOL_VERSION}.`,
      )
    }
    try {
      const verdict = await this.#host.authentication.check(hello, nonce)
      if (this.#state.state !== 'checking') return
      if (verdict.state === 'unknown')
        return this.#refuse(CLOSE.unknownDevice, 'unknown_device', 'This device is not enrolled here.')
      if (verdict.state === 'refused') {
        return this.#refuse(
          CLOSE.authenticationFailed,
          'authentication_failed',
          'The signature does not match the device.',
        )
      }
      this.#state = { state: 'ready', device: verdict.device }
      this.#transport.proven()
      this.send(this.#host.welcome())
      this.#host.ready(this, verdict.device.id)
    } catch (error) {
      this.#comeBackLater(error, 'agent could not be authenticated')
    }
  }

  #handle(device: KnownDevice, frame: AgentFrame, bytes: number): void {
    const { commands, presence } = this.#host
    switch (frame.type) {
      case 'hello':
        return this.#refuse(CLOSE.protocolError, 'out_of_turn', 'This connection is authenticated already.')
      case 'heartbeat':
        return this.#heartbeat(device, frame)
      case 'inventory':
        return this.#background(this.#inventory(device, frame))
      case 'accepted':
        return this.#background(commands.accepted(device.id, frame.commandId))
      case 'started':
        return this.#background(commands.started(device.id, frame.commandId, new Date(frame.startedAt)))
      case 'output':
        return this.#background(this.#output(device, frame))
      case 'result':
        return void this.#result(device, frame, bytes)
      case 'goodbye':
        return presence.goodbye(device.id)
    }
  }

  #heartbeat(device: KnownDevice, frame: Extract<AgentFrame, { type: 'heartbeat' }>): void {
    const { bootId, uptimeSeconds, cpuPercent, memoryPercent } = frame
    const skew = clockSkewMs(frame.sentAt, this.#host.environment.now())
    this.#host.presence.heard(device.id, { bootId, uptimeSeconds, cpuPercent, memoryPercent, clockSkewMs: skew })
    const missing = SECTION_NAMES.filter((name) => this.#isMissing(device, name, frame.sections[name]))
    if (missing.length > 0) this.send({ type: 'send_inventory', sections: missing })
  }

  /** What was asked for at the last beat may still be on its way; after two it is asked for again. */
  #isMissing(device: KnownDevice, name: SectionName, hash: string | undefined): boolean {
    if (hash === undefined || device.hashes.get(name) === hash) return false
    const asked = this.#asked.get(name)
    if (asked?.hash === hash && asked.beats < 2) {
      asked.beats += 1
      return false
    }
    this.#asked.set(name, { hash, beats: 1 })
    return true
  }

  async #inventory(
    device: KnownDevice,
    { sections, hashes, softwareDelta }: Extract<AgentFrame, { type: 'inventory' }>,
  ): Promise<void> {
    const { whole } = await this.#host.inventory.record({ deviceId: device.id, sections, hashes, softwareDelta })
    if (whole.length > 0) this.send({ type: 'send_inventory', sections: whole, whole })
    else if (softwareDelta) this.#holds(device, 'software', softwareDelta.hash)
    for (const name of SECTION_NAMES) {
      const hash = hashes[name]
      if (sections[name] && hash !== undefined) this.#holds(device, name, hash)
    }
  }

  #holds(device: KnownDevice, name: SectionName, hash: string): void {
    device.hashes.set(name, hash)
    this.#asked.delete(name)
  }

  async #result(
    device: KnownDevice,
    { commandId, outcome }: Extract<AgentFrame, { type: 'result' }>,
    bytes: number,
  ): Promise<void> {
    this.#heldBytes += bytes
    this.#slowDown()
    try {
      const answer = await this.#host.commands.recordResult(device.id, commandId, outcome)
      if (answer === 'unknown')
        this.send({ type: 'error', code: 'unknown_command', message: `No command ${commandId} of this device.` })
      else this.send({ type: 'result_recorded', commandId })
    } catch (error) {
      // Unacknowledged, it stays in the agent's journal and comes again after the reconnect.
      this.#comeBackLater(error, 'command result could not be recorded')
    } finally {
      this.#heldBytes -= bytes
    }
  }

  async #output(device: KnownDevice, frame: Extract<AgentFrame, { type: 'output' }>): Promise<void> {
    const bytes = frame.text.length
    this.#heldBytes += bytes
    this.#slowDown()
    try {
      await this.#host.commands.output(device.id, frame.commandId, frame.sequence, frame.text)
    } finally {
      this.#heldBytes -= bytes
    }
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

  #background(work: Promise<unknown>): void {
    work.catch((error: unknown) =>
      this.#host.log.error({ err: error, deviceId: this.deviceId }, 'agent frame not recorded'),
    )
  }

  #comeBackLater(error: unknown, what: string): void {
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
