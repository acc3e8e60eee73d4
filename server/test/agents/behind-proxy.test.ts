import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { selfSigned } from '../../../agent/test/certificate.ts'
import { type CabledNetworks, cableNetworks, whyNoNetworks } from '../../../agent/test/namespaces.ts'
import { boot, type Harness } from '../harness.ts'
import { bridgeTo } from '../reach/cable.ts'

const AGENT = join(import.meta.dirname, '../../../dist/agent.cjs')
const PROXY = join(import.meta.dirname, '../../../agent/test/request-only-proxy.ts')
const PORT = 8443
const patience = { timeout: 40_000, interval: 200 }

const reason = whyNoNetworks()
if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`)

interface Passed {
  listening?: true
  path?: string
  upgrade?: boolean
}

describe.skipIf(reason !== undefined)('an agent in a network with nothing but a proxy that knows requests only', () => {
  let networks: CabledNetworks
  let world: Harness
  let folder: string
  let bridge: Server
  const children: ChildProcess[] = []
  const passed: Passed[] = []
  let agentLog = ''

  beforeAll(async () => {
    const cabled = cableNetworks()
    if ('reason' in cabled) throw new Error(cabled.reason)
    networks = cabled.networks
    const { near, far, inside } = networks
    const server = `https://${far.address}:${PORT}`
    world = await boot({ env: { BREEZE_PUBLIC_URL: server } })
    folder = mkdtempSync(join(tmpdir(), 'breeze-proxy-'))
    const socket = join(folder, 'server.sock')
    bridge = await bridgeTo(() => world.server.url, socket)
    const certificate = selfSigned(`IP:${far.address}`)
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    writeFileSync(key, certificate.key)
    writeFileSync(cert, certificate.cert)

    const proxy = start(inside(far.name, process.execPath, PROXY, far.address, String(PORT), key, cert, socket))
    if (proxy.stdout) createInterface({ input: proxy.stdout }).on('line', (line) => passed.push(JSON.parse(line)))
    await vi.waitUntil(() => passed.some(({ listening }) => listening), patience)

    const argv = ['--server', server, '--state', join(folder, 'agent'), '--ca', cert, '--ca-only']
    const policy = ['--policy', join(folder, 'policy.json')]
    const env = { PATH: process.env['PATH'], BREEZE_AGENT_TOKEN: await token(world), BREEZE_AGENT_POWER: 'dry-run' }
    const agent = start(inside(near.name, process.execPath, AGENT, ...argv, ...policy), env)
    agent.stderr?.on('data', (chunk: Buffer) => (agentLog += chunk.toString()))
  })

  afterAll(async () => {
    try {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      bridge?.close()
      await world?.stop()
      if (folder) rmSync(folder, { recursive: true, force: true })
    } finally {
      networks?.remove()
    }
  })

  function start([program, args]: [string, string[]], env: NodeJS.ProcessEnv = { PATH: process.env['PATH'] }) {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(child)
    return child
  }

  it('comes online by long-polling', async () => {
    await vi.waitFor(async () => {
      const [device] = await world.sql<{ status: string; role: string }>('select status, role from devices')
      expect(device, agentLog).toMatchObject({
        status: 'online',
        role: expect.stringMatching(/server|database|hypervisor/),
      })
    }, patience)
    expect(passed.filter(({ upgrade }) => upgrade)).toHaveLength(3)
    expect(agentLog).toContain('"link":"poll"')
    expect(agentLog).not.toContain('"link":"web_socket"')
  })

  it('runs a signed script, whose result arrives', async () => {
    const operator = await world.operator()
    const [device] = await world.sql<{ id: string }>('select id from devices')
    const input = { devices: device?.id ?? '', content: 'ip -o -4 address show dev cable | cut -d" " -f7' }
    const held = await world.invoke(operator, 'run_script', input)
    if (held.status !== 'held') throw new Error(JSON.stringify(held))
    const done = await world.invoke(operator, 'run_script', {
      ...input,
      confirmation: held.hold.confirmation?.token,
    })
    expect(done, agentLog).toMatchObject({ status: 'done', data: { state: 'succeeded' } })
    // It was that network's own answer.
    expect(JSON.stringify(done)).toContain('10.213.0.2')
    expect(new Set(passed.map(({ path }) => path))).toContain('/agent/v1/poll/receive')
  })
})

async function token(world: Harness): Promise<string> {
  const { id: organizationId, siteId } = await world.organization('Contoso')
  const made = await world.server.db.worker((tx) =>
    world.server.enrollment.createToken(tx, {
      organizationId,
      siteId,
      uses: 1,
      expiresAt: new Date(Date.now() + 600_000),
      createdBy: world.server.installation.adminId,
    }),
  )
  return made.secret
}
