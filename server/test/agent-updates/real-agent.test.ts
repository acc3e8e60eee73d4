/** A real server, and the agent of this repository with its supervisor: updated over MCP, and put back where that goes wrong. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BuiltAgent, buildAgent } from '../../../agent/test/built-agent.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { officialClients } from '../mcp/clients.ts'
import { PATIENCE_MS } from '../reach/agent-process.ts'
import { ask } from '../reach/technician.ts'

let folder: string
let bundle: string
let world: Harness
let place: Organization
let supervisor: ChildProcess
let device: { id: string; name: string }
let builds: Record<'newer' | 'broken', BuiltAgent>
const said: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-self-update-'))
  bundle = join(folder, 'shipped.cjs')
  const program = await buildAgent(folder, '0.1.0')
  builds = { newer: await buildAgent(folder, '0.2.0'), broken: await buildAgent(folder, '0.3.0', 'crashes') }
  copyFileSync(builds.newer.path, bundle)
  world = await boot({ agentBundle: bundle, env: { BREEZE_AGENT_HEARTBEAT_SECONDS: '2' } })
  place = await world.organization('Self-updated')
  const token = await world.server.db.worker((tx) =>
    world.server.enrollment.createToken(tx, {
      organizationId: place.id,
      siteId: place.siteId,
      uses: 1,
      expiresAt: new Date(Date.now() + 3_600_000),
      createdBy: world.server.installation.adminId,
    }),
  )
  const argv = ['--server', world.server.url, '--state', join(folder, 'state'), '--policy', join(folder, 'policy.json')]
  supervisor = spawn(process.execPath, [program.path, 'supervise', '--', ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: folder, BREEZE_AGENT_TOKEN: token.secret, BREEZE_AGENT_POWER: 'dry-run' },
  })
  supervisor.stderr?.on('data', (text: Buffer) => said.push(String(text)))
  device = await until(async () => {
    const [row] = await world.sql<{ id: string; name: string }>(
      `select d.id, d.name from devices d join device_sections s on s.device_id = d.id and s.section = 'capabilities'
       where d.organization_id = $1 and d.status = 'online'`,
      [place.id],
    )
    return row
  }, PATIENCE_MS)
}, 2 * PATIENCE_MS)
afterAll(async () => {
  if (supervisor.exitCode === null) {
    const ended = once(supervisor, 'exit')
    supervisor.kill('SIGTERM')
    await ended
  }
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

it(
  'the newer version runs after a confirmed update; a broken one after it goes back, and the former one still answers',
  { timeout: 4 * PATIENCE_MS },
  async () => {
    const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)['v2 pinned to 2026-07-28']
    if (!connect) throw new Error('no such client')
    const { key } = await world.key(await world.user('partner_admin'), ['ai:execute', 'audit.read'])
    const client = await connect(key)
    try {
      const versionOf = async () =>
        (await ask(client, 'get_device_details', { device: device.id })).data['agent_version']
      const settled = async (operation: unknown) =>
        until(async () => {
          const { data } = await ask(client, 'get_operation', { operation })
          return data['state'] !== 'running' && data
        }, 2 * PATIENCE_MS)
      expect(await versionOf()).toBe('0.1.0')

      const updated = await ask(client, 'update_agents', { devices: device.id })
      expect([updated.isError, updated.text]).toEqual([false, expect.stringContaining('Rollout')])
      expect(await settled(updated.data['operation'])).toMatchObject({ state: 'succeeded' })
      const audited = await ask(client, 'query_audit_log', { tool: 'update_agents', organization: place.id })
      expect(JSON.stringify(audited.data['entries'])).toContain('"held"')
      expect(await versionOf()).toBe('0.2.0')

      copyFileSync(builds.broken.path, bundle)
      const broken = await ask(client, 'update_agents', { devices: device.id })
      const failed = await settled(broken.data['operation'])
      expect(failed).toMatchObject({
        state: 'failed',
        devices: [{ id: device.id, state: 'failed', reason: expect.stringContaining('rolled back: it ended 3 times') }],
      })
      expect(await versionOf()).toBe('0.2.0')
      const answer = await ask(client, 'execute_command', { device: device.id, command: 'echo still here' })
      expect(JSON.stringify(answer.data)).toContain('still here')

      const again = await ask(client, 'update_agents', { devices: device.id })
      expect(JSON.stringify(await settled(again.data['operation']))).toContain('0.3.0 was rolled back here before')
    } catch (error) {
      throw new Error(`the agent said: ${said.join('').slice(-3000)}`, { cause: error })
    } finally {
      await client.close()
    }
  },
)
