import { randomBytes, randomUUID, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type CommandBody,
  type CommandOutcome,
  type CommandPayload,
  commandMessage,
  type SignedCommand,
} from '@breeze/contract/agent-commands'
import {
  AGENT_ENROLL_PATH,
  AGENT_WS_PATH,
  type AgentFrame,
  agentFrame,
  authenticationMessage,
  CLOSE,
  enrollRequest,
  type ServerFrame,
  type ServerKey,
} from '@breeze/contract/agent-protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { createDeviceKey, publicKeyText, signText, verifyText } from '../src/device-key.ts'

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

/** Speaks the protocol for real and remembers everything it hears. */
export class StubServer {
  readonly signing = signingKey('key-1')
  serverKeys: ServerKey[] = [published(this.signing)]
  readonly token = `token-${randomUUID()}`
  heartbeatSeconds = 60
  /** Whether results are confirmed. */
  recordsResults = true
  /** Answers the next enrollments with an error instead. */
  refuseEnrollment: { status: number; body: unknown } | undefined
  clockSkewMs = 0
  /** Commands delivered after each welcome until their result is recorded, as the real server does. */
  readonly queue = new Map<string, SignedCommand>()
  readonly devices = new Map<string, string>()
  enrollRequests = 0
  welcomes = 0
  readonly frames: AgentFrame[] = []
  readonly results = new Map<string, CommandOutcome[]>()
  closeWith: { code: number; error?: Extract<ServerFrame, { type: 'error' }> } | undefined
  #socket: WebSocket | undefined
  readonly #http: Server
  readonly #ws: WebSocketServer
  readonly #watchers = new Set<() => void>()

  private constructor() {
    this.#http = createServer((request, response) => void this.#enroll(request, response))
    this.#ws = new WebSocketServer({ server: this.#http, path: AGENT_WS_PATH, perMessageDeflate: false })
    this.#ws.on('connection', (socket) => this.#serve(socket))
  }

  static async start(port = 0): Promise<StubServer> {
    const server = new StubServer()
    await new Promise<void>((resolve) => server.#http.listen(port, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    // A TCP server's address is an object once it listens.
    return (this.#http.address() as AddressInfo).port
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`
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
    this.#socket?.terminate()
  }
  send(frame: ServerFrame): void {
    this.#socket?.send(JSON.stringify(frame))
  }
  /** Stops reading without closing: a peer that vanished. */
  freeze(): void {
    this.#socket?.pause()
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

  async #enroll(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      this.#changed()
    }
    this.enrollRequests++
    if (request.url !== AGENT_ENROLL_PATH) return answer(404, {})
    if (this.refuseEnrollment) return answer(this.refuseEnrollment.status, this.refuseEnrollment.body)
    const enrolling = enrollRequest.parse(JSON.parse(Buffer.concat(chunks).toString()))
    const { publicKey } = enrolling
    if (!('token' in enrolling) || enrolling.token !== this.token) {
      return answer(401, { error: { code: 'token_invalid', message: 'The token is unknown or has expired' } })
    }
    const deviceId = this.devices.get(publicKey) ?? randomUUID()
    this.devices.set(publicKey, deviceId)
    answer(201, {
      deviceId,
      organizationId: randomUUID(),
      serverKeys: this.serverKeys,
      heartbeatSeconds: this.heartbeatSeconds,
      awaitingApproval: false,
    })
  }

  #serve(socket: WebSocket): void {
    this.#socket = socket
    const nonce = randomBytes(24).toString('base64url')
    const say = (frame: ServerFrame) => socket.send(JSON.stringify(frame))
    if (this.closeWith) {
      if (this.closeWith.error) say(this.closeWith.error)
      socket.close(this.closeWith.code)
      this.welcomes++
      this.#changed()
      return
    }
    say({ type: 'challenge', nonce, serverTime: this.#time() })
    socket.on('message', (data: Buffer) => {
      const frame = agentFrame.parse(JSON.parse(data.toString()))
      this.frames.push(frame)
      if (frame.type === 'hello') this.#hello(socket, frame, nonce, say)
      if (frame.type === 'result') this.#result(frame, say)
      this.#changed()
    })
  }

  #hello(
    socket: WebSocket,
    frame: Extract<AgentFrame, { type: 'hello' }>,
    nonce: string,
    say: (frame: ServerFrame) => void,
  ): void {
    const [publicKey] = [...this.devices].find(([, id]) => id === frame.deviceId) ?? []
    if (publicKey === undefined) return socket.close(CLOSE.unknownDevice)
    if (!verifyText(publicKey, authenticationMessage(nonce, frame.deviceId), frame.signature)) {
      return socket.close(CLOSE.authenticationFailed)
    }
    this.welcomes++
    say({
      type: 'welcome',
      heartbeatSeconds: this.heartbeatSeconds,
      serverKeys: this.serverKeys,
      serverTime: this.#time(),
    })
    for (const command of this.queue.values()) say({ type: 'command', command })
  }

  #result(frame: Extract<AgentFrame, { type: 'result' }>, say: (frame: ServerFrame) => void): void {
    const { commandId: id, outcome } = frame
    this.results.set(id, [...(this.results.get(id) ?? []), outcome])
    if (!this.recordsResults) return
    this.queue.delete(id)
    say({ type: 'result_recorded', commandId: id })
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
