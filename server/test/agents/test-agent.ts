/** A device made of a key and a connection: speaks the protocol over either transport and shows every frame. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type CommandOutcome, commandPayload } from '@breeze/contract/agent-commands'
import type { SectionName } from '@breeze/contract/agent-inventory'
import {
  AGENT_ENROLL_PATH,
  AGENT_WS_PATH,
  type AgentFrame,
  authenticationMessage,
  type EnrollRequest,
  type ServerFrame,
  serverFrame,
} from '@breeze/contract/agent-protocol'
import { WebSocket } from 'ws'
import { PollClient } from './poll-client.ts'

export const TRANSPORTS = ['web socket', 'polling'] as const
export type Transport = (typeof TRANSPORTS)[number]

let usual: Transport = 'web socket'
/** Of the agents in this test file that are not told otherwise. */
export function useTransport(transport: Transport): void {
  usual = transport
}

type Of<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>

export interface EnrollReply {
  status: number
  body: {
    deviceId?: string
    organizationId?: string
    heartbeatSeconds?: number
    awaitingApproval?: boolean
    error?: { code: string; message: string }
  }
}

export class TestAgent {
  readonly #url: string
  readonly #transport: Transport
  key: KeyObject
  publicKey: string
  machineId: string
  bootId = 'boot-1'
  agentVersion = '1.0.0'
  configurationEtag: string | null = null
  deviceId = ''
  socket: WebSocket | undefined
  poll: PollClient | undefined
  closed: Promise<number> = Promise.resolve(0)
  isClosed = true
  #frames: ServerFrame[] = []
  #waiting: (() => void)[] = []

  constructor(url: string, transport: Transport = usual) {
    this.#url = url
    this.#transport = transport
    const pair = generateKeyPairSync('ed25519')
    this.key = pair.privateKey
    this.publicKey = pair.publicKey.export({ format: 'jwk' }).x ?? ''
    this.machineId = createHash('sha256').update(this.publicKey).digest('hex')
  }

  enroll(token: string, more: Partial<EnrollRequest> & { address?: string } = {}): Promise<EnrollReply> {
    return this.#enroll({ token, ...more })
  }

  /** As a copy of another device. */
  separate(copyOf: { deviceId: string; signature: string }, more: { machineId?: string } = {}): Promise<EnrollReply> {
    return this.#enroll({ copyOf, ...more })
  }

  async #enroll({ address = '127.0.0.1', ...fields }: Record<string, unknown> & { address?: string }) {
    const response = await fetch(this.#url + AGENT_ENROLL_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-test-address': address },
      body: JSON.stringify({
        publicKey: this.publicKey,
        hostname: 'box',
        machineId: this.machineId,
        platform: 'linux',
        agentVersion: this.agentVersion,
        ...fields,
      }),
    })
    const body = (await response.json()) as EnrollReply['body']
    if (body.deviceId) this.deviceId = body.deviceId
    return { status: response.status, body }
  }

  /** Up to the challenge. */
  open(): void {
    this.#frames = []
    const { promise, resolve } = Promise.withResolvers<number>()
    this.closed = promise
    this.isClosed = false
    const ended = (code: number): void => {
      this.isClosed = true
      resolve(code)
      this.#wake()
    }
    if (this.#transport === 'polling') {
      this.poll = new PollClient(this.#url, (frame) => this.#arrived(frame), ended)
      this.poll.open()
      return
    }
    const socket = new WebSocket(this.#url.replace('http', 'ws') + AGENT_WS_PATH, { perMessageDeflate: false })
    this.socket = socket
    socket.on('message', (data) => this.#arrived(JSON.parse(String(data))))
    socket.on('error', () => undefined)
    socket.on('close', ended)
  }

  #arrived(frame: unknown): void {
    this.#frames.push(serverFrame.parse(frame))
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  hello(
    nonce: string,
    more: Partial<Extract<AgentFrame, { type: 'hello' }>> = {},
  ): Extract<AgentFrame, { type: 'hello' }> {
    const deviceId = more.deviceId ?? this.deviceId
    const signature = sign(null, Buffer.from(authenticationMessage(nonce, deviceId)), this.key).toString('base64url')
    return {
      type: 'hello',
      protocol: 1,
      deviceId,
      signature,
      agentVersion: this.agentVersion,
      bootId: this.bootId,
      machineId: this.machineId,
      configurationEtag: this.configurationEtag,
      ...more,
    }
  }

  /** Opens, answers the challenge, awaits the welcome. */
  async connect(): Promise<void> {
    this.open()
    const { nonce } = await this.next('challenge')
    this.send(this.hello(nonce))
    await this.next('welcome')
  }

  send(frame: AgentFrame | Record<string, unknown>): void {
    if (this.#transport === 'polling') this.poll?.send(frame)
    else this.socket?.send(JSON.stringify(frame))
  }

  heartbeat(
    sections: Partial<Record<SectionName, string>> = {},
    more: Partial<Extract<AgentFrame, { type: 'heartbeat' }>> = {},
  ): void {
    this.send({
      type: 'heartbeat',
      sentAt: new Date().toISOString(),
      bootId: this.bootId,
      uptimeSeconds: 12.5,
      cpuPercent: 3,
      memoryPercent: 40,
      sections,
      rebootPending: null,
      roundTripMs: null,
      configurationEtag: null,
      unacknowledged: 0,
      ...more,
    })
  }

  result(commandId: string, outcome: Partial<CommandOutcome> = {}): void {
    this.send({
      type: 'result',
      commandId,
      outcome: {
        state: 'succeeded',
        exitCode: 0,
        output: 'hello\n',
        outputBytes: 6,
        truncated: false,
        durationMs: 4,
        ...outcome,
      },
    })
  }

  /** The next frame of a type; frames of other types are passed over. */
  async next<T extends ServerFrame['type']>(type: T, patienceMs = 8000): Promise<Of<T>> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const index = this.#frames.findIndex((frame) => frame.type === type)
      // The index was found by this very type.
      if (index >= 0) return this.#frames.splice(index, 1)[0] as Of<T>
      const left = deadline - Date.now()
      if (left <= 0)
        throw new Error(`no ${type} frame came; there were ${this.#frames.map((frame) => frame.type).join(', ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  async nextCommand() {
    const { command } = await this.next('command')
    return { command, payload: commandPayload.parse(JSON.parse(command.payload)) }
  }

  has(type: ServerFrame['type']): boolean {
    return this.#frames.some((frame) => frame.type === type)
  }

  async disconnect(): Promise<void> {
    if (this.#transport === 'polling') return this.poll?.abandon()
    this.socket?.close(1000)
    await this.closed
  }
}
