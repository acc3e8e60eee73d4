/**
 * Does what the README says, as its reader would: the start command, the key, an MCP client that runs a script on this
 * machine, the simulated fleet, the stop. Each check is counted; `test-results/readme.txt` gets the total.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { z } from 'zod'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const startCommand = process.argv[2]
const START_PATIENCE_MS = 240_000
let passed = 0
let failed = 0

async function check(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
    passed += 1
    process.stdout.write(`ok      ${what}\n`)
  } catch (error) {
    failed += 1
    process.stdout.write(`FAILED  ${what}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

function expect(condition: boolean, message: string): void {
  if (!condition) throw new Error(message)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

interface Started {
  child: ChildProcess
  printed(): string
  exited: Promise<unknown>
}

async function start(command: string, env: NodeJS.ProcessEnv): Promise<Started> {
  // Its own group, so that the stop can be what a terminal's Ctrl-C is.
  const child = spawn('bash', ['-c', command], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const exited = once(child, 'exit')
  const deadline = Date.now() + START_PATIENCE_MS
  while (!printed.includes('Stop with Ctrl-C')) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`it did not start:\n${printed}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { child, printed: () => printed, exited }
}

/** As Ctrl-C in a terminal does it: to the whole group. npm itself then ends by the signal; what counts is what is left. */
async function stop(started: Started, dataDir: string): Promise<void> {
  process.kill(-(started.child.pid ?? 0), 'SIGINT')
  await started.exited
  const deadline = Date.now() + 10_000
  let left = await processesWith(dataDir)
  while (left.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    left = await processesWith(dataDir)
  }
  expect(left.length === 0, left.join('\n'))
}

async function processesWith(text: string): Promise<string[]> {
  return (await run('ps', ['-eo', 'pid,args'])).stdout.split('\n').filter((line) => line.includes(text))
}

async function connect(url: string, key: string): Promise<Client> {
  const client = new Client({ name: 'readme-check', version: '1.0.0' })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { 'X-API-Key': key } } }),
  )
  return client
}

const devicesAnswer = z.object({
  devices: z.array(z.object({ id: z.string(), name: z.string(), status: z.string() })),
  counts: z.object({ online: z.number(), offline: z.number(), pending: z.number() }),
})
const held = z.object({ state: z.literal('confirmation_required'), confirmation: z.object({ token: z.string() }) })
const ran = z.object({
  state: z.string(),
  devices: z.array(z.object({ exit_code: z.number().nullable(), output: z.string() })),
})

async function runsScriptHere(url: string, key: string): Promise<void> {
  const client = await connect(url, key)
  try {
    const list = devicesAnswer.parse((await client.callTool({ name: 'list_devices', arguments: {} })).structuredContent)
    const here = list.devices.find((device) => device.status === 'online')
    expect(here !== undefined, `this machine is not online: ${JSON.stringify(list)}`)
    const input = { devices: here?.id, content: 'echo "it answers: $((6 * 7))"' }
    const plan = held.parse((await client.callTool({ name: 'run_script', arguments: input })).structuredContent)
    const confirmed = { ...input, confirmation: plan.confirmation.token }
    const answer = ran.parse((await client.callTool({ name: 'run_script', arguments: confirmed })).structuredContent)
    expect(answer.devices[0]?.output.includes('it answers: 42') ?? false, JSON.stringify(answer))
  } finally {
    await client.close()
  }
}

async function fleetConnects(breeze: (...args: string[]) => Promise<string>, env: NodeJS.ProcessEnv): Promise<void> {
  const simulation = spawn('npx', ['breeze', 'fleet', 'simulate', '--devices', '147'], {
    cwd: root,
    env,
    detached: true,
    stdio: 'ignore',
  })
  try {
    const deadline = Date.now() + 90_000
    let counts = { online: 0, offline: 0, pending: 0 }
    // This machine is the one device more that is online.
    while (Date.now() < deadline && !(counts.online === 133 && counts.offline === 12 && counts.pending === 3)) {
      await new Promise((resolve) => setTimeout(resolve, 1000))
      counts = devicesAnswer.parse(JSON.parse(await breeze('call', 'list_devices', '--json'))).counts
    }
    expect(counts.online === 133 && counts.offline === 12 && counts.pending === 3, JSON.stringify(counts))
  } finally {
    process.kill(-(simulation.pid ?? 0), 'SIGINT')
    await once(simulation, 'exit')
  }
}

async function main(): Promise<void> {
  if (!startCommand) throw new Error('the start command of the README was not found')
  const dataDir = await mkdtemp(join(tmpdir(), 'breeze-readme-'))
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), BREEZE_DATA_DIR: dataDir, BREEZE_AGENT_POWER: 'dry-run' }
  const url = `http://127.0.0.1:${port}/api/v1/mcp`
  const breeze = async (...args: string[]): Promise<string> =>
    (await run('npx', ['breeze', ...args], { cwd: root, env })).stdout
  let started = await start(startCommand, env)
  try {
    await check('the start prints sign-in, password, MCP URL and a ready line for Claude Code', async () => {
      for (const part of ['admin@breeze.local', 'Password', url, 'claude mcp add --transport http breeze']) {
        expect(started.printed().includes(part), `no "${part}" in:\n${started.printed()}`)
      }
    })
    await check('the printed key opens a read-only connection', async () => {
      const key = /X-API-Key: (brz_[\w-]+)/.exec(started.printed())?.[1] ?? ''
      const client = await connect(url, key)
      const { tools } = await client.listTools()
      await client.close()
      // Asking a person for more changes nothing by itself.
      const changing = tools.filter(({ name }) => name !== 'request_elevation')
      expect(
        changing.length > 0 && changing.every((tool) => tool.annotations?.readOnlyHint === true),
        tools.map((tool) => tool.name).join(', '),
      )
    })
    await check('a key made by the CLI runs a script on this machine over MCP', async () => {
      const made = await breeze(
        'key',
        'create',
        'Claude Code',
        '--scopes',
        'ai:execute',
        '--partner',
        '--expires',
        '30d',
        '--json',
      )
      await runsScriptHere(url, z.object({ key: z.string() }).parse(JSON.parse(made)).key)
    })
    await check('the simulated fleet connects: 132 online, 12 offline, 3 pending', () => fleetConnects(breeze, env))
    await check('the audit verifies', async () => {
      const verified = z
        .object({ ok: z.boolean(), entries: z.number() })
        .parse(JSON.parse(await breeze('audit', 'verify', '--json')))
      expect(verified.ok && verified.entries > 0, JSON.stringify(verified))
    })
    await check('Ctrl-C stops everything it started', () => stop(started, dataDir))
    await check('a second start finds everything', async () => {
      started = await start(startCommand, env)
      expect(!started.printed().includes('Password'), 'the password was shown again')
      await stop(started, dataDir)
    })
  } finally {
    if (started.child.exitCode === null && started.child.signalCode === null) await stop(started, dataDir)
    await rm(dataDir, { recursive: true, force: true })
  }
}

try {
  await main()
} catch (error) {
  failed += 1
  process.stdout.write(`FAILED  ${error instanceof Error ? error.message : String(error)}\n`)
}
await mkdir(join(root, 'test-results'), { recursive: true })
await writeFile(join(root, 'test-results', 'readme.txt'), `readme: ${passed} passed, ${failed} failed\n`)
process.stdout.write(`readme: ${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
