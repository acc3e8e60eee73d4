/**
 * Runs the official MCP conformance suite: against the test server with the suite's fixtures for every requirement of
 * two revisions and for all that the suite has, extensions too, and against the real server (its own, or a running one:
 * `--url`, `--key`) for what needs none. Fails on any failed check that counts.
 */
import { createServer } from 'node:net'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { agreeFor, registeredClient } from '../server/test/mcp/conformance-authorization.ts'
import { type RealServer, startRealServer } from '../server/test/mcp/conformance-real.ts'
import { startConformanceServer, startCredentialProxy } from '../server/test/mcp/conformance-server.ts'

const PACKAGE = join(dirname(import.meta.dirname), 'node_modules', '@modelcontextprotocol', 'conformance')
const REVISIONS = ['2025-11-25', '2026-07-28']
const WITHOUT_FIXTURES = {
  '2025-11-25': ['server-initialize', 'ping', 'tools-list', 'server-session-lifecycle', 'dns-rebinding-protection'],
  '2026-07-28': ['server-stateless', 'tools-list', 'http-header-validation', 'caching', 'dns-rebinding-protection'],
}

interface Check {
  id: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  errorMessage?: string
}

interface Totals {
  passed: number
  failed: number
  warnings: number
  skipped: number
  /** Failed checks of methods and fixtures that the server does not have. */
  notOffered: number
}

interface More {
  /** Whether the suite's own verdict counts too. */
  judges?: boolean
  command?: 'server' | 'authorization'
  /** Told of everything it has said so far. */
  onOutput?: (said: string) => void
}

type Judge = (scenario: string, check: Check) => boolean

const say = (line: string) => process.stdout.write(`${line}\n`)

/** One run of the suite's command line. Totals come from the result files it writes, not from its prose. */
async function runSuite(label: string, args: string[], notOffered: Judge, more: More = {}): Promise<Totals> {
  const { judges = false, command: verb = 'server', onOutput } = more
  const folder = await mkdtemp(join(tmpdir(), 'breeze-conformance-'))
  try {
    const command = [join(PACKAGE, 'dist', 'index.js'), verb, ...args, '-o', folder]
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        onOutput?.(said)
      })
    }
    const [code] = (await once(child, 'close')) as [number | null]
    const totals = await readTotals(folder, notOffered)
    if (totals.passed + totals.skipped === 0) {
      // A run that broke before it checked anything must not pass.
      process.stderr.write(said.slice(-4_000))
      totals.failed++
    }
    // Over a set of requirements the suite's own verdict counts too; over one scenario it knows nothing of what we offer.
    if (judges && code !== 0) totals.failed++
    const { passed, failed, warnings, skipped } = totals
    say(
      `${label}: ${passed} passed, ${failed} failed, ${warnings} warnings, ${skipped} skipped, ${totals.notOffered} not offered`,
    )
    return totals
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readTotals(folder: string, notOffered: Judge): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0, warnings: 0, skipped: 0, notOffered: 0 }
  for (const name of await readdir(folder)) {
    const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '')
    // The suite's own file format.
    const checks = JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8')) as Check[]
    for (const check of checks) {
      if (check.status === 'SUCCESS') totals.passed++
      else if (check.status === 'WARNING') totals.warnings++
      else if (check.status === 'SKIPPED' || check.id.endsWith('-skipped')) totals.skipped++
      else if (check.status === 'FAILURE' && notOffered(scenario, check)) totals.notOffered++
      else if (check.status === 'FAILURE') {
        totals.failed++
        say(`  failed: ${scenario} ${check.id}: ${check.errorMessage ?? ''}`)
      }
    }
  }
  return totals
}

/** They wait more than they work, so they run side by side, each on a server of its own. */
async function withFixtures(): Promise<Totals[]> {
  const runs = [
    ...REVISIONS.map((revision) => [`requirements ${revision}`, '--requirements', revision]),
    ['suite all', '--suite', 'all'],
  ]
  return Promise.all(
    runs.map(async ([label = '', ...which]) => {
      const server = await startConformanceServer()
      try {
        return await runSuite(label, ['--url', server.url, ...which], () => false, { judges: true })
      } finally {
        await server.close()
      }
    }),
  )
}

/** Breeze serves tools only, and none of the suite's: what asks for more can't be judged here. */
function needsMore(_scenario: string, check: Check): boolean {
  const message = check.errorMessage ?? ''
  return message.startsWith('Not testable: server does not list') || /^(prompts|resources)\/.*-32601/.test(message)
}

async function withoutFixtures(target: string, key: string): Promise<Totals[]> {
  const { server, port } = await startCredentialProxy(target, `Bearer ${key}`)
  const all: Totals[] = []
  try {
    for (const [revision, scenarios] of Object.entries(WITHOUT_FIXTURES)) {
      for (const scenario of scenarios) {
        const url = `http://127.0.0.1:${port}/api/v1/mcp`
        const args = ['--url', url, '--spec-version', revision, '--scenario', scenario]
        all.push(await runSuite(`real server ${revision} ${scenario}`, args, needsMore))
      }
    }
  } finally {
    server.close()
    server.closeAllConnections()
  }
  return all
}

/** The suite listens there for the answer; its own default may be taken. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}

/** Those for which the suite has scenarios for authorization servers, as it lists them. */
async function authorizationRevisions(): Promise<string[]> {
  const command = [join(PACKAGE, 'dist', 'index.js'), 'list', '--authorization']
  const { stdout } = await promisify(execFile)(process.execPath, command)
  const named = stdout.matchAll(/\d{4}-\d\d-\d\d/g)
  return [...new Set([...named].map(([revision]) => revision))].sort()
}

/** The authorization server: the suite plays the program, and we the person. */
async function authorization(real: RealServer, revision: string): Promise<Totals> {
  const port = await freePort()
  const callback = `http://127.0.0.1:${port}/callback`
  const clientId = await registeredClient(real.url, callback)
  const args = ['--url', real.url, '--client-id', clientId, '--resource', `${real.url}/api/v1/mcp`]
  let agreed = false
  const onOutput = (said: string) => {
    const asked = /^(http\S+\/oauth\/authorize\?\S+)\n/m.exec(said)?.[1]
    if (asked === undefined || agreed) return
    agreed = true
    agreeFor(real.url, real.password, asked).catch((error: unknown) => say(`  could not agree: ${String(error)}`))
  }
  const more = { command: 'authorization', judges: true, onOutput } as const
  const all = [...args, '--port', String(port), '--spec-version', revision]
  return runSuite(`authorization server ${revision}`, all, () => false, more)
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { url: { type: 'string' }, key: { type: 'string' } } })
  const runs = await withFixtures()
  if (values.url && values.key) runs.push(...(await withoutFixtures(values.url, values.key)))
  else {
    const real = await startRealServer()
    try {
      runs.push(...(await withoutFixtures(real.url, real.token)))
      const revisions = await authorizationRevisions()
      if (revisions.length === 0) throw new Error('the suite names no revision for authorization servers')
      for (const revision of revisions) runs.push(await authorization(real, revision))
    } finally {
      await real.close()
    }
  }
  const sum = (field: keyof Totals) => runs.reduce((total, run) => total + run[field], 0)
  say(`conformance: ${sum('passed')} passed, ${sum('failed')} failed`)
  return sum('failed') === 0 ? 0 : 1
}

process.exit(await main())
