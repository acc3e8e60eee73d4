/** All agents connected to this node: who may open a socket, who is there, and how they are sent away. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { MAX_FRAME_BYTES } from '@breeze/contract/agent-commands'
import { AGENT_WS_PATH, CLOSE } from '@breeze/contract/agent-protocol'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import type { AgentSettings } from '../../domains/agent-settings/service.ts'
import type { Delivery, Outgoing } from '../../domains/commands/delivery.ts'
import type { Commands } from '../../domains/commands/service.ts'
import { Clones } from '../../domains/devices/clones.ts'
import type { ConnectedAgents } from '../../domains/devices/connected.ts'
import { proposeKey } from '../../domains/devices/device-keys.ts'
import { cleanName } from '../../domains/devices/device-name.ts'
import type { KnownDevice } from '../../domains/devices/directory.ts'
import type { Inventory } from '../../domains/devices/inventory.ts'
import type { Presence } from '../../domains/devices/presence.ts'
import type { EventLogs } from '../../domains/event-logs/service.ts'
import type { Metrics } from '../../domains/metrics/service.ts'
import type { CommandSigner } from '../../keys/keys.ts'
import type { Environment } from '../../kernel/context.ts'
import type { Db } from '../../kernel/db.ts'
import { Authentication, type Hello } from './authentication.ts'
import { AgentConnection, COPIED, type ConnectionHost } from './connection.ts'
import { Deliveries } from './deliveries.ts'
import { PollSessions } from './poll-sessions.ts'
import type { AgentTransport } from './transport.ts'
import { WaitingRoom } from './waiting-room.ts'
import { WebSocketTransport } from './web-socket-transport.ts'

export interface AgentHubOptions {
  db: Db
  commands: Commands
  presence: Presence
  inventory: Inventory
  metrics: Pick<Metrics, 'record'>
  eventLogs: Pick<EventLogs, 'record'>
  signer: CommandSigner
  environment: Environment
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  settings: Pick<AgentSettings, 'effective' | 'onChange'>
  /** Of agents that have not said who they are. */
  heartbeatSeconds: number
  /** How long a challenge may stay unanswered. */
  challengeMs?: number
  /** Connections that have not proven anything yet; more wait for their turn. */
  maxUnauthenticated?: number
  /** Silence after which a socket is taken for dead. */
  idleMs?: number
}

const SWEEP_MS = 15_000
/** Heartbeats that may be missing before a connection is no proof of a living machine. */
const ALIVE_BEATS = 2.5
/** Each second: ten thousand are through in less than four minutes. */
const RENEWED_AT_ONCE = 50
const CLOSE_PATIENCE_MS = 3000
/** Returning agents a second that a restart invites. */
const RETURNS_PER_SECOND = 200

export class AgentHub implements Delivery, ConnectedAgents {
  /** Connections over long-polling. */
  readonly polls: PollSessions
  readonly #options: AgentHubOptions
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  })
  readonly #host: ConnectionHost
  readonly #deliveries: Deliveries
  readonly #connections = new Set<AgentConnection>()
  readonly #byDevice = new Map<string, AgentConnection>()
  readonly #unproven = new Set<AgentConnection>()
  readonly #waiting = new WaitingRoom({
    hasPlace: () => this.#unproven.size < (this.#options.maxUnauthenticated ?? 1000),
  })
  readonly #clones = new Clones()
  readonly #sweep: ReturnType<typeof setInterval>
  #renewal: ReturnType<typeof setInterval> | undefined
  #draining = false

  constructor(options: AgentHubOptions) {
    this.#options = options
    this.polls = new PollSessions(options.environment)
    const { commands, presence, inventory, metrics, eventLogs, environment, log, challengeMs = 10_000 } = options
    const authentication = new Authentication({ db: options.db, log })
    this.#deliveries = new Deliveries({
      commands,
      log,
      isConnected: (id) => this.#byDevice.has(id),
      send: (outgoing) => this.#send(outgoing),
      sendCancel: ({ deviceId, cancel }) => this.#byDevice.get(deviceId)?.send({ type: 'cancel', cancel }),
    })
    this.#host = {
      commands,
      presence,
      inventory,
      metrics,
      eventLogs,
      environment,
      log,
      challengeMs,
      authentication,
      configurationOf: (device) => options.settings.effective(device),
      welcome: (device) => ({
        type: 'welcome',
        heartbeatSeconds: options.settings.effective(device).configuration.heartbeatSeconds,
        serverKeys: [...options.signer.published],
        serverTime: environment.now().toISOString(),
      }),
      arrives: (device, hello) => this.#arrives(device, hello),
      proposeKey: (id, publicKey) => proposeKey(options.db, id, Buffer.from(publicKey, 'base64url')),
      settles: (device) => this.#settles(device),
      ready: (connection, deviceId) => this.#ready(connection, deviceId),
      closed: (connection, deviceId) => this.#closed(connection, deviceId),
    }
    commands.deliverThrough(this)
    options.settings.onChange(() => void this.#configure())
    this.#sweep = setInterval(() => this.#dropSilent(), SWEEP_MS)
  }

  /** Takes over the server's upgrades. Nothing else upgrades here: another path is answered 404. */
  attach(server: Server): void {
    server.on(
      'upgrade',
      (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head),
    )
  }

  /** Runs `enter` when it is its turn. Answers null then, else the seconds after which to try again. */
  turn(enter: () => void): Promise<number | null> {
    if (this.#draining) return Promise.resolve(this.retrySeconds())
    return new Promise((resolve) => {
      const admit = () => {
        enter()
        resolve(null)
      }
      this.#waiting.enter({ admit, turnAway: () => resolve(this.retrySeconds()) })
    })
  }

  /** For whoever is sent away: spread, so that they do not return together. */
  retrySeconds(): number {
    return Math.ceil(2 + this.#random() * 28)
  }

  /** The one way in, for every transport. */
  accept(transport: AgentTransport): void {
    const connection = new AgentConnection(this.#host, transport)
    this.#connections.add(connection)
    this.#unproven.add(connection)
  }

  get isDraining(): boolean {
    return this.#draining
  }

  get connected(): number {
    return this.#byDevice.size
  }

  get unauthenticated(): number {
    return this.#unproven.size
  }

  get waiting(): number {
    return this.#waiting.size
  }

  wake(deviceIds: readonly string[]): void {
    this.#deliveries.wake(deviceIds)
  }

  cancel(deviceIds: readonly string[]): void {
    this.#deliveries.cancel(deviceIds)
  }

  /** A person approved these, or ended their quarantine: from now on they get commands. */
  trusted(deviceIds: readonly string[]): void {
    for (const id of deviceIds) {
      this.#clones.absolve(id)
      const conditions = this.#byDevice.get(id)?.conversation?.device.conditions
      conditions?.delete('awaiting_approval')
      conditions?.delete('quarantined')
    }
    this.#options.presence
      .approved(deviceIds)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'approved devices keep their old status'))
    this.#deliverAll(deviceIds)
  }

  /** Has everybody come back bit by bit, and learn with the welcome what has changed. Nothing is lost by it. */
  renew(): void {
    clearInterval(this.#renewal)
    const before = [...this.#connections]
    this.#renewal = setInterval(() => {
      for (const connection of before.splice(0, RENEWED_AT_ONCE)) {
        connection.close(CLOSE.draining, {
          code: 'renewal',
          message: 'The keys of the server have changed.',
          retryAfterSeconds: this.#random(),
        })
      }
      if (before.length === 0) clearInterval(this.#renewal)
    }, 1000)
  }

  /** The device was removed: it is told that it is no longer known. */
  disconnect(deviceId: string): void {
    this.#byDevice
      .get(deviceId)
      ?.close(CLOSE.unknownDevice, { code: 'unknown_device', message: 'This device was removed.' })
    this.#options.presence.forget(deviceId)
    this.#clones.forget(deviceId)
  }

  /**
   * Sends everybody away, spread over the time in which the next server can take them back. Resolves when the sockets are
   * closed and nothing is being delivered; what they reported may still be on its way to the database.
   */
  async drain(): Promise<void> {
    this.#draining = true
    this.#waiting.empty()
    clearInterval(this.#sweep)
    clearInterval(this.#renewal)
    const spreadSeconds = Math.min(120, Math.max(1, this.#connections.size / RETURNS_PER_SECOND))
    let sent = 0
    for (const connection of this.#connections) {
      const retryAfterSeconds = Math.round(spreadSeconds * this.#random() * 10) / 10
      connection.close(CLOSE.draining, { code: 'draining', message: 'The server is restarting.', retryAfterSeconds })
      if (++sent % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await this.#deliveries.stop()
    const deadline = Date.now() + CLOSE_PATIENCE_MS
    while (this.#connections.size > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    for (const connection of this.#connections) connection.terminate()
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Without a listener, a reset before the upgrade is done would end the process.
    socket.on('error', ignoreReset)
    if (request.url?.split('?', 1)[0] !== AGENT_WS_PATH) return answer(socket, '404 Not Found')
    const upgraded = (webSocket: WebSocket) => {
      socket.off('error', ignoreReset)
      this.accept(new WebSocketTransport(webSocket, socket, this.#options.log))
    }
    const waitSeconds = await this.turn(() => this.#server.handleUpgrade(request, socket, head, upgraded))
    if (waitSeconds !== null) answer(socket, '503 Service Unavailable', `Retry-After: ${waitSeconds}\r\n`)
  }

  /** Whether it is let in. A machine that holds a copied identity is sent away, whichever of the two came first. */
  #arrives(device: KnownDevice, hello: Hello): boolean {
    const { environment, log, presence } = this.#options
    const nowMs = environment.now().getTime()
    const before = this.#byDevice.get(device.id)
    const isAlive = before !== undefined && before.silentMs < ALIVE_BEATS * this.#heartbeatMs(before)
    const machineId = cleanName(hello.machineId, 128) ?? ''
    const judgement = this.#clones.arrives(
      device.id,
      device.machineId,
      { bootId: hello.bootId, machineId },
      isAlive,
      nowMs,
    )
    const mark = (name: string, isThere: boolean): void => {
      if (device.conditions.has(name) !== isThere) presence.condition(device.id, name, isThere)
      for (const conditions of [device.conditions, before?.conversation?.device.conditions]) {
        if (isThere) conditions?.add(name)
        else conditions?.delete(name)
      }
    }
    if (judgement !== 'one') {
      log.warn({ deviceId: device.id, judgement }, 'two machines have the identity of one device')
      mark('quarantined', true)
    }
    if (judgement === 'original' || judgement === 'both') before?.close(CLOSE.copied, COPIED)
    if (judgement === 'copy' || judgement === 'both') return false
    if (device.conditions.has('quarantined')) this.#clones.suspect(device.id, nowMs)
    if (machineId !== '') mark('machine_changed', machineId !== device.machineId)
    mark('uninstalled', false)
    return true
  }

  #settles(device: KnownDevice): boolean {
    if (!this.#clones.isSettled(device.id, this.#options.environment.now().getTime())) return false
    this.#clones.absolve(device.id)
    // What waits is claimed once the database knows.
    this.#options.presence
      .flush()
      .then(() => this.#deliverAll([device.id]))
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a quarantine ended unwritten'))
    return true
  }

  #ready(connection: AgentConnection, deviceId: string): void {
    this.#leftUnproven(connection)
    // Closed by its device's id first: its own close must not remove the newcomer.
    const before = this.#byDevice.get(deviceId)
    this.#byDevice.set(deviceId, connection)
    before?.close(CLOSE.replaced, { code: 'replaced', message: 'Another connection of this device took over.' })
    this.#options.presence.heard(deviceId, null, connection.conversation?.heartbeatSeconds)
    this.#deliveries.connected(deviceId)
  }

  #closed(connection: AgentConnection, deviceId: string | null): void {
    this.#connections.delete(connection)
    this.#leftUnproven(connection)
    if (deviceId === null || this.#byDevice.get(deviceId) !== connection) return
    this.#byDevice.delete(deviceId)
    this.#options.presence.disconnected(deviceId)
  }

  #leftUnproven(connection: AgentConnection): void {
    if (this.#unproven.delete(connection)) this.#waiting.call()
  }

  /** What was handed out before they were held back may never have arrived: all that is unfinished goes out again. */
  #deliverAll(deviceIds: readonly string[]): void {
    for (const id of deviceIds) if (this.#byDevice.has(id)) this.#deliveries.connected(id)
  }

  #send({ deviceId, command }: Outgoing): void {
    this.#byDevice.get(deviceId)?.send({ type: 'command', command })
  }

  #dropSilent(): void {
    for (const connection of this.#connections) {
      const idleMs = this.#options.idleMs ?? Math.max(3 * this.#heartbeatMs(connection), 180_000)
      if (connection.silentMs > idleMs) connection.terminate()
    }
    this.polls.sweep()
  }

  #heartbeatMs({ conversation }: AgentConnection): number {
    return 1000 * (conversation?.heartbeatSeconds ?? this.#options.heartbeatSeconds)
  }

  /** Tells whoever works by another configuration than the present one. */
  async #configure(): Promise<void> {
    let told = 0
    for (const { conversation } of this.#connections) {
      conversation?.configure()
      if (++told % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #random(): number {
    return this.#options.environment.randomBytes(2).readUInt16BE() / 65_536
  }
}

function ignoreReset(): void {
  // The peer went away before it was anybody: there is nothing to tell and nobody to tell it to.
}

function answer(socket: Duplex, status: string, headers = ''): void {
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`)
}
