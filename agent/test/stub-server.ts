import { randomBytes, randomUUID, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import {
  type CommandBody,
  type CommandOutcome,
  type CommandPayload,
  commandMessage,
  type SignedCommand,
} from '@breeze/contract/agent-commands'
import { AGENT_RELEASE_PATH } from '@breeze/contract/agent-release'
import type { AgentConfiguration } from '@breeze/contract/agent-configuration'
import type { MetricSample } from '@breeze/contract/agent-metrics'
import {
  AGENT_ENROLL_PATH,
  AGENT_WS_PATH,
  type AgentFrame,
  agentFrame,
  authenticationMessage,
  CLOSE,
  endorsementMessage,
  type EnrollRequest,
  enrollRequest,
  rotationMessage,
  separationMessage,
  type ServerFrame,
  type ServerKey,
} from '@breeze/contract/agent-protocol'
import { WebSocketServer } from 'ws'
import { createDeviceKey, publicKeyText, signText, verifyText } from '../src/device-key.ts'
import { type StubPeer, WebSocketPeer } from './stub-peer.ts'
import { StubPolls } from './stub-polls.ts'

export interface SigningKey {
  id: string
  key: KeyObject
}

export function signingKey(id: string): SigningKey {
  return { id, key: createDeviceKey() }
}
export function published({ id, key }: SigningKey): ServerKey {
  return { id, publicKey: publicKeyText(key) }
}

/** By `older`, so that devices that trust it trust this one too. */
export function endorsed({ id, key }: SigningKey, older: SigningKey): ServerKey {
  const publicKey = publicKeyText(key)
  return {
    id,
    publicKey,
    endorsedBy: { id: older.id, signature: signText(older.key, endorsementMessage({ id, publicKey })) },
  }
}

export interface StubOptions {
  port?: number
  /** PEM; https then. */
  tls?: { key: string; cert: string }
}

/** Speaks the protocol for real and remembers everything it hears. */
export class StubServer {
  readonly signing = signingKey('key-1')
  serverKeys: ServerKey[] = [published(this.signing)]
  readonly token = `token-${randomUUID()}`
  heartbeatSeconds = 60
  /** Whether results are confirmed. */
  recordsResults = true
  /** Whether samples are confirmed. */
  recordsMetrics = true
  /** Answers the next enrollments with an error instead. */
  refuseEnrollment: { status: number; body: unknown; headers?: Record<string, string> } | undefined
  clockSkewMs = 0
  /** Commands delivered after each welcome until their result is recorded, as the real server does. */
  readonly queue = new Map<string, SignedCommand>()
  /** Public key → device id. */
  readonly devices = new Map<string, string>()
  /** Devices told that their identity lives on another machine. */
  readonly copied = new Set<string>()
  /** Sent to whoever says hello with another etag. */
  configuration: { etag: string; configuration: AgentConfiguration } | undefined
  /** Whether a device's new key is taken and confirmed. */
  rotatesKeys: 'yes' | 'without a word' | 'no' = 'yes'
  /** As behind a proxy that does not know them. */
  refusesWebSockets = false
  enrollRequests = 0
  refusedUpgrades = 0
  welcomes = 0
  readonly frames: AgentFrame[] = []
  readonly results = new Map<string, CommandOutcome[]>()
  closeWith: { code: number; error?: Extract<ServerFrame, { type: 'error' }> } | undefined
  /** Digest → build. Fetched with the ticket `ticket`. */
  readonly releases = new Map<string, Buffer>()
  readonly polls: StubPolls
  #peer: StubPeer | undefined
  readonly #http: Server
  readonly #ws: WebSocketServer
  readonly #watchers = new Set<() => void>()

  private constructor({ tls }: StubOptions) {
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response)
    this.#http = tls ? createTlsServer(tls, handle) : createServer(handle)
    this.#ws = new WebSocketServer({
      server: this.#http,
      path: AGENT_WS_PATH,
      perMessageDeflate: false,
      verifyClient: () => {
        if (this.refusesWebSockets) this.refusedUpgrades++
        return !this.refusesWebSockets
      },
    })
    this.#ws.on('connection', (socket) => this.#serve(new WebSocketPeer(socket)))
    this.polls = new StubPolls((peer) => this.#serve(peer))
  }

  static async start(options: StubOptions = {}): Promise<StubServer> {
    const server = new StubServer(options)
    await new Promise<void>((resolve) => server.#http.listen(options.port ?? 0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    // A TCP server's address is an object once it listens.
    return (this.#http.address() as AddressInfo).port
  }
  get url(): string {
    return `${this.#http instanceof TlsServer ? 'https' : 'http'}://127.0.0.1:${this.port}`
  }
  get deviceId(): string {
    const [id] = this.devices.values()
    if (id === undefined) throw new Error('no device has enrolled')
    return id
  }

  async stop(): Promise<void> {
    for (const client of this.#ws.clients) client.terminate()
    this.#ws.close()
    this.#http.closeAllConnections()
    await new Promise((resolve) => this.#http.close(resolve))
  }

  drop(): void {
    this.#peer?.terminate()
  }
  send(frame: ServerFrame): void {
    this.#peer?.say(frame)
  }
  /** Stops reading without closing: a peer that vanished. */
  freeze(): void {
    this.#peer?.freeze()
  }

  sign(body: CommandBody, overrides: Partial<CommandPayload> = {}, key = this.signing): SignedCommand {
    const now = Date.now() + this.clockSkewMs
    const payload = JSON.stringify({
      v: 1,
      commandId: randomUUID(),
      deviceId: this.deviceId,
      issuedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + 60_000).toISOString(),
      body,
      ...overrides,
    })
    return { keyId: key.id, payload, signature: signText(key.key, commandMessage(payload)) }
  }
  deliver(command: SignedCommand): void {
    this.send({ type: 'command', command })
  }
  /** Signs, delivers and waits for the result. */
  async run(body: CommandBody, overrides: Partial<CommandPayload> = {}): Promise<CommandOutcome> {
    const command = this.sign(body, overrides)
    this.deliver(command)
    return await this.result(commandId(command))
  }
  async result(id: string, timeoutMs = 20_000): Promise<CommandOutcome> {
    await this.until(() => this.results.has(id), timeoutMs)
    const outcome = this.results.get(id)?.at(-1)
    if (!outcome) throw new Error('no result')
    return outcome
  }
  /** Of all metrics frames, in the order they came. */
  samples(): MetricSample[] {
    return this.frames.flatMap((frame) => (frame.type === 'metrics' ? frame.samples : []))
  }
  count(type: AgentFrame['type'], id?: string): number {
    return this.frames.filter((f) => f.type === type && (id === undefined || ('commandId' in f && f.commandId === id)))
      .length
  }

  async until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
    if (condition()) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(check)
        reject(new Error(`not within ${timeoutMs} ms: ${condition.toString()}`))
      }, timeoutMs)
      const check = () => {
        if (!condition()) return
        clearTimeout(timer)
        this.#watchers.delete(check)
        resolve()
      }
      this.#watchers.add(check)
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (request.method === 'GET') return void this.#release(request, response)
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
    if (this.polls.handles(request)) this.polls.handle(request, body, response)
    else {
      const { status, reply, headers } = this.#enroll(request.url, body)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(reply))
    }
    this.#changed()
  }

  #release({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const build = this.releases.get(url.slice(`${AGENT_RELEASE_PATH}/`.length))
    if (headers.authorization !== 'Bearer ticket') response.writeHead(401).end()
    else if (build) response.writeHead(200).end(build)
    else response.writeHead(404).end()
  }

  #enroll(
    url: string | undefined,
    body: unknown,
  ): { status: number; reply: unknown; headers?: Record<string, string> } {
    this.enrollRequests++
    if (url !== AGENT_ENROLL_PATH) return { status: 404, reply: {} }
    if (this.refuseEnrollment) {
      const { status, body, headers } = this.refuseEnrollment
      return { status, reply: body, ...(headers && { headers }) }
    }
    const enrolling = enrollRequest.parse(body)
    const { publicKey } = enrolling
    if (!this.#mayEnroll(enrolling)) {
      const error = { code: 'token_invalid', message: 'The token is unknown or has expired' }
      return { status: 401, reply: { error } }
    }
    const deviceId = this.devices.get(publicKey) ?? randomUUID()
    this.devices.set(publicKey, deviceId)
    const reply = {
      deviceId,
      organizationId: randomUUID(),
      serverKeys: this.serverKeys,
      heartbeatSeconds: this.heartbeatSeconds,
      awaitingApproval: 'copyOf' in enrolling,
    }
    return { status: 201, reply }
  }

  #mayEnroll(enrolling: EnrollRequest): boolean {
    if ('token' in enrolling) return enrolling.token === this.token
    const { publicKey, machineId, copyOf } = enrolling
    const message = separationMessage(copyOf.deviceId, publicKey, machineId)
    return this.keysOf(copyOf.deviceId).some((key) => verifyText(key, message, copyOf.signature))
  }

  /** The latest last. */
  keysOf(deviceId: string): string[] {
    return [...this.devices].flatMap(([key, id]) => (id === deviceId ? [key] : []))
  }

  #serve(peer: StubPeer): void {
    const nonce = randomBytes(24).toString('base64url')
    if (this.closeWith) {
      if (this.closeWith.error) peer.say(this.closeWith.error)
      peer.close(this.closeWith.code)
      this.welcomes++
      this.#changed()
      return
    }
    peer.say({ type: 'challenge', nonce, serverTime: this.#time() })
    let deviceId = ''
    peer.onFrame = (received) => {
      const frame = agentFrame.parse(received)
      this.frames.push(frame)
      if (frame.type === 'hello') {
        deviceId = frame.deviceId
        // A self-test only looks at the challenge.
        this.#peer = peer
        this.#hello(peer, frame, nonce)
      }
      if (frame.type === 'result') this.#result(frame, peer)
      if (frame.type === 'metrics' && this.recordsMetrics)
        peer.say({ type: 'metrics_recorded', until: frame.samples.at(-1)?.at ?? '' })
      if (frame.type === 'rotate_key') this.#rotate(frame, deviceId, peer)
      this.#changed()
    }
  }

  #hello(peer: StubPeer, frame: Extract<AgentFrame, { type: 'hello' }>, nonce: string): void {
    const { deviceId, signature } = frame
    if (this.copied.has(deviceId)) return peer.close(CLOSE.copied)
    const keys = this.keysOf(deviceId)
    if (keys.length === 0) return peer.close(CLOSE.unknownDevice)
    const used = keys.find((key) => verifyText(key, authenticationMessage(nonce, deviceId), signature))
    if (used === undefined) return peer.close(CLOSE.authenticationFailed)
    for (const older of keys.slice(0, keys.indexOf(used))) this.devices.delete(older)
    this.welcomes++
    peer.say({
      type: 'welcome',
      heartbeatSeconds: this.heartbeatSeconds,
      serverKeys: this.serverKeys,
      serverTime: this.#time(),
    })
    if (this.configuration && this.configuration.etag !== frame.configurationEtag) this.configure(this.configuration)
    for (const command of this.queue.values()) peer.say({ type: 'command', command })
  }

  configure(configuration: { etag: string; configuration: AgentConfiguration }): void {
    this.configuration = configuration
    this.send({ type: 'configuration', ...configuration })
  }

  #rotate(frame: Extract<AgentFrame, { type: 'rotate_key' }>, deviceId: string, peer: StubPeer): void {
    const { publicKey, signature } = frame
    if (this.rotatesKeys === 'no' || !verifyText(publicKey, rotationMessage(deviceId, publicKey), signature)) return
    this.devices.set(publicKey, deviceId)
    if (this.rotatesKeys === 'yes') peer.say({ type: 'key_rotated', publicKey })
  }

  #result(frame: Extract<AgentFrame, { type: 'result' }>, peer: StubPeer): void {
    const { commandId: id, outcome } = frame
    this.results.set(id, [...(this.results.get(id) ?? []), outcome])
    if (!this.recordsResults) return
    this.queue.delete(id)
    peer.say({ type: 'result_recorded', commandId: id })
  }

  #time(): string {
    return new Date(Date.now() + this.clockSkewMs).toISOString()
  }
  #changed(): void {
    for (const watcher of this.#watchers) watcher()
  }
}

export function commandId(command: SignedCommand): string {
  // The stub wrote this payload itself.
  return (JSON.parse(command.payload) as CommandPayload).commandId
}

export function script(
  language: 'bash' | 'python' | 'powershell',
  content: string,
  options: { timeoutSeconds?: number; arguments?: string[] } = {},
): CommandBody {
  return {
    type: 'script.run',
    args: { language, content, arguments: options.arguments ?? [], timeoutSeconds: options.timeoutSeconds ?? 20 },
  }
}
