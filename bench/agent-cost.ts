/** What the real agent costs its machine, beside a server that only says welcome. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import { AGENT_ENROLL_PATH, type EnrollResponse, type ServerFrame } from '@breeze/contract/agent-protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { AGENT_FLAGS } from '../server/src/agent-flags.ts'
import { end } from './floor-process.ts'
import { exactCpuMicroseconds, residentBytes } from './process-facts.ts'

const root = dirname(import.meta.dirname)
const PATIENCE_MS = 60_000
/** Its start, the first inventory, and the engine's warming up. */
const WARM_UP_MS = 20_000

export interface AgentCost {
  heartbeats: number
  /** Milliseconds of processor time for one heartbeat: with one a second, less the time without any. */
  heartbeatMs: number
  /** Of one core, with a heartbeat each second. */
  busyPercent: number
  /** Of one core, without heartbeats. */
  idlePercent: number
  bytes: number
}

export async function measureAgent(milliseconds: number): Promise<AgentCost> {
  const server = new WelcomingServer()
  const state = await mkdtemp(join(tmpdir(), 'breeze-agent-cost-'))
  const url = await server.listen()
  const child = spawn(
    process.execPath,
    [...AGENT_FLAGS, join(root, 'dist', 'agent.cjs'), '--server', url, '--state', state],
    {
      env: {
        PATH: process.env['PATH'],
        BREEZE_AGENT_TOKEN: 'bench',
        BREEZE_AGENT_POWER: 'dry-run',
        NODE_ENV: 'production',
      },
      stdio: 'ignore',
    },
  )
  try {
    await server.heartbeatsReach(1)
    await sleep(WARM_UP_MS)
    const busy = await watch(child, server, milliseconds)
    server.configure({ ...DEFAULT_CONFIGURATION, heartbeatSeconds: 3600 })
    await sleep(2000)
    const idle = await watch(child, server, milliseconds)
    const heartbeats = busy.heartbeats - idle.heartbeats
    return {
      heartbeats,
      heartbeatMs: (busy.cpuMs - idle.cpuMs) / heartbeats,
      busyPercent: (100 * busy.cpuMs) / milliseconds,
      idlePercent: (100 * idle.cpuMs) / milliseconds,
      bytes: residentBytes(child.pid ?? 0),
    }
  } finally {
    await end(child)
    await server.close()
    await rm(state, { recursive: true, force: true })
  }
}

async function watch(child: ChildProcess, server: WelcomingServer, milliseconds: number) {
  const pid = child.pid ?? 0
  const before = { heartbeats: server.heartbeats, cpu: exactCpuMicroseconds(pid) }
  await sleep(milliseconds)
  const cpuMs = (exactCpuMicroseconds(pid) - before.cpu) / 1000
  return { heartbeats: server.heartbeats - before.heartbeats, cpuMs }
}

/** Enrolls one agent, welcomes it with a heartbeat a second, and holds nothing of what it says. */
class WelcomingServer {
  readonly #http: Server
  readonly #deviceId = randomUUID()
  readonly #publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? ''
  #socket: WebSocket | undefined
  heartbeats = 0

  constructor() {
    this.#http = createServer((request, response) => {
      request.resume()
      response.writeHead(request.url === AGENT_ENROLL_PATH ? 201 : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify(this.#enrolled()))
    })
    const sockets = new WebSocketServer({ server: this.#http, perMessageDeflate: false })
    sockets.on('connection', (socket) => {
      this.#socket = socket
      socket.on('message', (data) => this.#receive(JSON.parse(String(data))))
      this.#send({
        type: 'challenge',
        nonce: randomBytes(32).toString('base64url'),
        serverTime: new Date().toISOString(),
      })
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve))
    // A server that listens on TCP has an AddressInfo.
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async heartbeatsReach(count: number): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; this.heartbeats < count; await sleep(50))
      if (Date.now() > deadline) throw new Error('the agent does not come')
  }

  configure(configuration: typeof DEFAULT_CONFIGURATION): void {
    this.#send({ type: 'configuration', etag: 'bench', configuration })
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections()
    await new Promise((resolve) => this.#http.close(resolve))
  }

  #receive(frame: { type: string }): void {
    if (frame.type === 'heartbeat') this.heartbeats++
    if (frame.type !== 'hello') return
    const { serverKeys } = this.#enrolled()
    this.#send({ type: 'welcome', heartbeatSeconds: 1, serverKeys, serverTime: new Date().toISOString() })
  }

  #send(frame: ServerFrame): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  #enrolled(): EnrollResponse {
    const id = createHash('sha256').update(Buffer.from(this.#publicKey, 'base64url')).digest('base64url').slice(0, 16)
    return {
      deviceId: this.#deviceId,
      organizationId: this.#deviceId,
      serverKeys: [{ id, publicKey: this.#publicKey }],
      heartbeatSeconds: 1,
      awaitingApproval: false,
    }
  }
}
