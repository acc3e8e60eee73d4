/** Killed at every step between confirming a deployment and its outcome: each device installs once, and the audit is whole. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { AptRoot } from '../../../agent/test/apt-root.ts'
import type { FaultPoint } from '../../src/kernel/faults.ts'
import { HURRIED, mountLauncher } from '../reach/agent-process.ts'
import { freePort, makeFolder, OPEN_INTENTS, removeFolder, rowsOf, ServerProcess } from './server-process.ts'

/** From the act itself to what it sends; what follows then is the same for every command (`server-crash.test.ts`). */
const POINTS = ['act.committed', 'carried.intended', 'carried.committed'] as const
const nameOf = (point: string) => `breeze-${point.replace('.', '-')}`

// A view of its own of the package manager's folders is for root only.
describe.runIf(existsSync('/usr/bin/apt-get') && process.getuid?.() === 0)('a deployment', () => {
  let apt: AptRoot
  let folder: string
  let port: number
  let server: ServerProcess
  let agent: ChildProcess
  let device: string
  const dataDir = () => join(folder, 'data')
  const start = (fault?: FaultPoint) =>
    new ServerProcess({
      dataDir: dataDir(),
      port,
      ...(fault && { fault }),
      env: { BREEZE_AGENT_HEARTBEAT_SECONDS: '5' },
    }).ready()
  const sql = <Row extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
    rowsOf<Row>(dataDir(), text, values)

  const startAgent = (token?: string): ChildProcess => {
    const [program = '', ...args] = mountLauncher(apt.mounts())
    return spawn(program, [...args, HURRIED, '--policy', join(folder, 'policy.json')], {
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        BREEZE_AGENT_SERVER: server.url,
        BREEZE_AGENT_TOKEN: token,
        BREEZE_AGENT_STATE: join(folder, 'agent'),
        BREEZE_AGENT_POWER: 'dry-run',
      },
      stdio: 'ignore',
    })
  }
  async function stopAgent(signal: NodeJS.Signals): Promise<void> {
    const ended = once(agent, 'exit')
    agent.kill(signal)
    await ended
  }
  const becomes = (status: string) =>
    vi.waitFor(async () => expect(await sql('select status from devices')).toEqual([{ status }]), {
      timeout: 30_000,
      interval: 100,
    })

  beforeAll(async () => {
    apt = new AptRoot()
    apt.install(POINTS.map((point) => ({ name: nameOf(point), version: '1.0' })))
    // The script of the package tells how often it was installed.
    apt.publish(
      POINTS.map((point) => ({
        name: nameOf(point),
        version: '1.1',
        postinst: `echo configured >> ${join(apt.root, 'tmp', point)}`,
      })),
    )
    apt.run('apt-get', 'update')
    folder = makeFolder()
    port = await freePort()
    server = await start()
    expect((await server.call('create_organization', { name: 'Contoso' })).status).toBe(200)
    expect((await server.call('create_site', { organization: 'Contoso', name: 'Main' })).status).toBe(200)
    const { body } = await server.call('create_enrollment_token', { organization: 'Contoso', uses: 1 })
    agent = startAgent(String(body['token']))
    await vi.waitFor(
      async () => {
        const rows = await sql<{ device_id: string }>('select device_id from device_updates')
        expect(rows).toHaveLength(POINTS.length)
        device = rows[0]?.device_id ?? ''
      },
      { timeout: 60_000, interval: 200 },
    )
  }, 180_000)
  afterAll(async () => {
    await stopAgent('SIGKILL')
    await server?.kill('SIGKILL')
    await removeFolder(dataDir())
    rmSync(folder, { recursive: true, force: true })
    apt.close()
  })

  test.each(POINTS)(
    '%s: goes on after the restart and installs once',
    async (point) => {
      // Only then can it say goodbye. One that waits to try again might wait long.
      await becomes('online')
      await stopAgent('SIGTERM')
      await becomes('offline')
      const before = join(folder, point)
      const scripts = { before: `echo began >> ${before}` }
      const input = { devices: device, updates: nameOf(point), when: 'now', scripts }
      const preview = await server.call('preview_action', { tool: 'deploy_patches', input })
      const { confirmation, operation } = preview.body as { confirmation: { token: string }; operation: string }
      await server.kill('SIGKILL')
      server = await start(point)
      agent = startAgent()
      await becomes('online')
      const confirmed = { ...input, confirmation: confirmation.token }
      await server.call('deploy_patches', confirmed).catch(() => null)
      expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
      server = await start()
      await vi.waitFor(
        async () => {
          const { body } = await server.call('get_operation', { operation })
          expect(body).toMatchObject({ rollout: { state: 'finished' }, devices: [{ state: 'succeeded' }] })
        },
        { timeout: 60_000, interval: 200 },
      )
      expect(apt.run('dpkg-query', '-W', '-f=${Version}', nameOf(point))).toBe('1.1')
      expect(readFileSync(join(apt.root, 'tmp', point), 'utf8')).toBe('configured\n')
      expect(readFileSync(before, 'utf8')).toBe('began\n')
      const again = await server.call('deploy_patches', confirmed)
      // It lacks nothing any more, or the token is spent: either way it is refused.
      expect(again.body['code']).toMatch(/^(conflict|confirmation_invalid)$/)
      const commands = await sql('select type from device_commands where operation_id = $1 order by id', [operation])
      expect(commands).toEqual([{ type: 'updates.install' }, { type: 'updates.scan' }])
      expect(await sql(OPEN_INTENTS)).toEqual([])
      expect((await server.call('manage_audit', { action: 'verify' })).body).toMatchObject({ ok: true })
    },
    120_000,
  )
})
