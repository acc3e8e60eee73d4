/** The server as production runs it: the bundle, its own process, its private PostgreSQL, a data folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Connection } from '../server/src/database/logins.ts'
import { ownerName } from '../server/src/postgres/initialise.ts'
import { ownerPassword } from '../server/src/postgres/password.ts'
import { placeCluster } from '../server/src/postgres/placement.ts'
import { findPostmaster } from '../server/src/postgres/postmaster.ts'
import { socketPort } from '../server/src/postgres/socket-folder.ts'
import { serverFlags } from '../scripts/server-flags.mjs'
import { childrenOf, commandLineOf } from './process-facts.ts'

const root = dirname(import.meta.dirname)
const READY_PATIENCE_MS = 90_000
const STOP_PATIENCE_MS = 25_000
/** Far above what is measured, so that no limit is what is measured. */
const UNLIMITED = '1000000'

export class BenchedServer {
  readonly dataDir: string
  readonly url: string
  readonly #port: number
  readonly #nodeOptions: readonly string[]
  #child: ChildProcess | undefined

  private constructor(dataDir: string, port: number, nodeOptions: readonly string[]) {
    this.dataDir = dataDir
    this.#port = port
    this.#nodeOptions = nodeOptions
    this.url = `http://127.0.0.1:${port}`
  }

  /** `profile`: a folder for CPU profiles. `node`: further options of its Node.js. */
  static async prepare(profile?: string, node: readonly string[] = []): Promise<BenchedServer> {
    await promisify(execFile)(process.execPath, [join(root, 'scripts', 'tasks.mjs'), 'build'])
    const dataDir = await mkdtemp(join(tmpdir(), 'breeze-bench-'))
    // As root the cluster runs as another account, which has to pass through here.
    await chmod(dataDir, 0o711)
    const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    return new BenchedServer(dataDir, await freePort(), [...profiling, ...node])
  }

  /** Milliseconds from the start of the process until /readyz says so. */
  async start(): Promise<number> {
    const began = performance.now()
    const child = spawn(process.execPath, [...serverFlags, ...this.#nodeOptions, join(root, 'dist', 'server.mjs')], {
      cwd: this.dataDir,
      env: this.#environment(),
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    this.#child = child
    while (!(await this.#isReady())) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('the server ended instead of starting')
      if (performance.now() - began > READY_PATIENCE_MS) throw new Error('the server did not become ready')
      await sleep(10)
    }
    return performance.now() - began
  }

  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS)
    child.kill('SIGTERM')
    await exited
    clearTimeout(impatience)
  }

  /** Everything, the database's processes and files included. */
  async remove(): Promise<void> {
    const database = await this.#cluster().catch(() => undefined)
    await this.stop()
    if (database?.postmaster.alive()) process.kill(database.postmaster.pid, 'SIGQUIT')
    await rm(this.dataDir, { recursive: true, force: true })
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server is not running')
    return this.#child.pid
  }

  /** The agent on the server's own machine. */
  get agentPid(): number | undefined {
    return childrenOf(this.pid).find((pid) => commandLineOf(pid).includes('agent.cjs'))
  }

  async postgresPid(): Promise<number> {
    return (await this.#cluster()).postmaster.pid
  }

  async ownerConnection(): Promise<Connection> {
    const { socketFolder } = await this.#cluster()
    const password = ownerPassword(this.dataDir)
    return { host: socketFolder, port: socketPort, user: ownerName, password, database: 'breeze' }
  }

  async #cluster() {
    const found = findPostmaster(await placeCluster(this.dataDir, undefined, () => undefined))
    if (!found) throw new Error('the private PostgreSQL is not running')
    return found
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2000) })
      await response.arrayBuffer()
      return response.ok
    } catch {
      // Not listening yet.
      return false
    }
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_ENV: 'production',
      BREEZE_ENV: 'production',
      BREEZE_DATA_DIR: this.dataDir,
      BREEZE_AGENT_POWER: 'dry-run',
      HOST: '127.0.0.1',
      PORT: String(this.#port),
      MCP_EXECUTE_TOOL_ALLOWLIST: 'run_script',
      MCP_MESSAGE_RATE_LIMIT_PER_MINUTE: UNLIMITED,
      BREEZE_TOOL_CALLS_PER_MINUTE: UNLIMITED,
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => {
        if (typeof address === 'object' && address) resolve(address.port)
        else reject(new Error('no port is free'))
      })
    })
  })
}
