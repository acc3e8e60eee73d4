/** The real server in a process of its own, on a data folder that outlives it: what a test may kill outright. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { FaultPoint } from '../../src/kernel/faults.ts'
import { startCluster } from '../../src/postgres/cluster.ts'
import { ownerName } from '../../src/postgres/initialise.ts'
import { ownerPassword } from '../../src/postgres/password.ts'
import { socketPort } from '../../src/postgres/socket-folder.ts'

/** Built by the `test` verb before the tests run. */
const ENTRY = join(import.meta.dirname, '../../../dist/server.mjs')
const READY_MS = 60_000

/** Calls that began and of whose end the audit does not tell. */
export const OPEN_INTENTS = `select call_id from audit_entries i where kind = 'intent' and not exists (
  select from audit_entries o where o.call_id = i.call_id and o.kind = 'outcome')`

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
}
export interface Reply {
  status: number
  body: Record<string, unknown>
}

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'breeze-crash-'))
  // As root the database runs as another account, which has to pass through here.
  chmodSync(folder, 0o711)
  return folder
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

/** Ends what a killed server left running and takes the folder away. */
export async function removeFolder(dataDir: string): Promise<void> {
  const cluster = await startCluster({ dataDir, log: () => undefined })
  await cluster.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

/** Processes that work in a folder or name it on their command line. */
export function processesOf(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) return []
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      const belongs = command.includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
      return belongs ? [{ pid, command }] : []
    } catch {
      // It ended while we looked.
      return []
    }
  })
}

export const postmasterOf = (dataDir: string): number =>
  Number(readFileSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0])

/** Past the server, as the owner. */
export async function rowsOf<Row extends pg.QueryResultRow>(
  dataDir: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const host = join(dataDir, 'postgres', 'run')
  const login = { host, port: socketPort, user: ownerName, password: ownerPassword(dataDir), database: 'breeze' }
  const client = new pg.Client(login)
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

export class ServerProcess {
  readonly dataDir: string
  readonly url: string
  readonly exited: Promise<Ended>
  readonly #child: ChildProcess
  stdout = ''
  stderr = ''

  constructor(options: { dataDir: string; port: number; fault?: FaultPoint; env?: Record<string, string> }) {
    this.dataDir = options.dataDir
    this.url = `http://127.0.0.1:${options.port}`
    this.#child = spawn(process.execPath, [ENTRY], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        BREEZE_DATA_DIR: options.dataDir,
        PORT: String(options.port),
        BREEZE_LOCAL_AGENT: 'off',
        BREEZE_LOG_LEVEL: 'info',
        MCP_MESSAGE_RATE_LIMIT_PER_MINUTE: '100000',
        BREEZE_TOOL_CALLS_PER_MINUTE: '100000',
        ...(options.fault && { BREEZE_FAULT: options.fault }),
        ...options.env,
      },
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (code, signal) => resolve({ code, signal }))
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async ready(): Promise<this> {
    const deadline = Date.now() + READY_MS
    while (!this.stdout.includes('is ready')) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || Date.now() > deadline)
        throw new Error(`the server did not start: ${this.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return this
  }

  operatorToken(): string {
    return readFileSync(join(this.dataDir, 'operator.token'), 'utf8').trim()
  }

  /** As the operator of this machine. Rejects when the server dies before it answers. */
  async call(tool: string, input: object): Promise<Reply> {
    const response = await fetch(`${this.url}/api/v1/tools/${tool}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.operatorToken()}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
    })
    // Every answer of this endpoint is an object.
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal)
    return this.exited
  }
}
