import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LinkKind } from '../src/link.ts'
import type { LogFields } from '../src/log.ts'
import { type AgentOptions, runAgent, type RunningAgent } from '../src/main.ts'
import { type StubOptions, StubServer } from './stub-server.ts'

export interface LoggedEvent extends LogFields {
  event: string
}

/** A stub server and agents on it; `close` ends what is still running and removes the folders. */
export class Harness {
  readonly events: LoggedEvent[] = []
  readonly #folders: string[] = []
  readonly #agents: RunningAgent[] = []
  readonly server: StubServer

  private constructor(server: StubServer) {
    this.server = server
  }

  /** With `poll`, no WebSocket gets through, so that agents end up with long-polling. */
  static async start(link: LinkKind = 'web_socket', options: StubOptions = {}): Promise<Harness> {
    const server = await StubServer.start(options)
    server.refusesWebSockets = link === 'poll'
    return new Harness(server)
  }

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'breeze-agent-test-'))
    this.#folders.push(folder)
    return folder
  }

  async agent(stateDirectory = this.folder(), overrides: Partial<AgentOptions> = {}): Promise<RunningAgent> {
    const agent = await runAgent({
      servers: [this.server.url],
      network: {},
      token: this.server.token,
      stateDirectory,
      // Never anything else in a test: it would take down the machine that runs it.
      power: 'dry-run',
      // Not the policy of the machine that runs the tests.
      policyPath: join(stateDirectory, 'policy.json'),
      protectedPaths: [],
      fault: undefined,
      scriptEnvironment: { path: process.env['PATH'] ?? '', home: '/root' },
      log: (event, fields) => this.events.push({ event, ...fields }),
      timing: { reconnectBaseMs: 20 },
      ...overrides,
    })
    this.#agents.push(agent)
    return agent
  }

  /** An agent that is welcomed and has sent its first heartbeat. */
  async online(stateDirectory?: string, overrides?: Partial<AgentOptions>): Promise<RunningAgent> {
    const before = this.server.count('heartbeat')
    const agent = await this.agent(stateDirectory, overrides)
    await this.server.until(() => this.server.count('heartbeat') > before)
    return agent
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop('stop')))
    await this.server.stop()
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true })
  }
}
