import { SECTION_NAMES } from '@breeze/contract/agent-inventory'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningSimulation, runSimulation } from '../src/simulator/simulation.ts'
import { type BreezeServer, startBreeze } from './breeze-server.ts'

const timing = { connectsPerSecond: 500, rebootMs: [200, 300] as const, connection: { reconnectBaseMs: 200 } }

async function eventually<T>(look: () => Promise<T>, expected: T): Promise<void> {
  const deadline = Date.now() + 20_000
  while (JSON.stringify(await look()) !== JSON.stringify(expected) && Date.now() < deadline) await sleep(50)
  expect(await look()).toEqual(expected)
}

describe('a simulated fleet of 147 on the real server', () => {
  let breeze: BreezeServer
  let simulation: RunningSimulation
  let stateDirectory: string

  const start = (): Promise<RunningSimulation> =>
    runSimulation({ server: breeze.url, provision: breeze.provision, seed: 'test', stateDirectory, timing })

  beforeAll(async () => {
    stateDirectory = await mkdtemp(join(tmpdir(), 'breeze-fleet-'))
    breeze = await startBreeze()
    simulation = await start()
  }, 120_000)

  afterAll(async () => {
    await simulation?.stop()
    await breeze?.stop()
    await rm(stateDirectory, { recursive: true, force: true })
  })

  /** Confirms what the server asks about: these tests are not about that. */
  async function data(tool: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    const outcome = await breeze.invoke(tool, input)
    if (outcome.status === 'held' && outcome.hold.confirmation && !('confirmation' in input)) {
      return data(tool, { ...input, confirmation: outcome.hold.confirmation.token })
    }
    if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome))
    return { ...outcome.data }
  }

  async function script(device: string, language: string, content: string) {
    const { devices } = await data('run_script', { devices: [device], language, content, timeout_seconds: 20 })
    const [one] = devices as { state: string; exit_code?: number; output?: string; reason?: string }[]
    if (!one) throw new Error('no device answered')
    return one
  }

  const bootIdOf = async (name: string): Promise<string> => {
    const [row] = await breeze.sql<{ boot_id: string }>(
      'select boot_id from device_presence p join devices d on d.id = p.device_id where d.name = $1',
      [name],
    )
    return row?.boot_id ?? ''
  }

  test('shows 132 online, 12 offline and 3 pending, 89 of them at Contoso', async () => {
    await eventually(async () => (await data('list_devices', {}))['counts'], { online: 132, offline: 12, pending: 3 })
    expect((await data('list_devices', { organization: 'Contoso' }))['total']).toBe(89)
    const branch = await data('list_devices', { site: 'Contoso - Branch Office', status: 'offline' })
    expect(branch['total']).toBe(9)
  })

  test('marks every device as simulated and tells system and role from its inventory', async () => {
    expect((await data('list_devices', { simulated: true }))['total']).toBe(147)
    await eventually(async () => (await data('list_devices', { role: 'domain_controller' }))['total'], 7)
    const { devices } = await data('list_devices', { text: 'Contoso-SQL-02' })
    expect(devices).toMatchObject([{ os: 'Microsoft Windows Server 2019 Standard 10.0.17763', role: 'database' }])
  })

  test('answers scripts by system, and is not sent what it has no interpreter for', async () => {
    expect(await script('ACME-DC-01', 'powershell', 'whoami')).toMatchObject({
      state: 'succeeded',
      exit_code: 0,
      output: 'nt authority\\system\n',
    })
    expect(await script('Contoso-WEB-01', 'bash', 'hostname; exit 7')).toMatchObject({
      state: 'failed',
      exit_code: 7,
      output: 'Contoso-WEB-01\n',
    })
    await expect(script('ACME-PC-07', 'bash', 'hostname')).rejects.toThrow('script.bash')
  })

  test('does as a script tells simulated devices: lines over some time, then failure', async () => {
    const answer = await script('Contoso-WEB-01', 'bash', '# simulate: lines=40 seconds=0.4 fail=1')
    expect(answer).toMatchObject({ state: 'failed', exit_code: 1 })
    expect(answer.output).toContain('line 40 of Contoso-WEB-01')
  })

  test('reports packages, services, accounts and protection, and what changes of them', async () => {
    const rows = (): Promise<{ hash: string; count: number }[]> =>
      breeze.sql(
        `select s.hash, (select count(*)::int from device_software w where w.device_id = d.id) as count
         from devices d join device_sections s on s.device_id = d.id and s.section = 'software' where d.name = 'ACME-DC-01'`,
      )
    await eventually(async () => (await rows()).length, 1)
    const [before] = await rows()
    expect(before?.count).toBeGreaterThan(600)
    const sections = await breeze.sql<{ section: string }>(
      `select section from device_sections s join devices d on d.id = s.device_id where d.name = 'ACME-DC-01' and s.status = 'ok'`,
    )
    expect(sections).toHaveLength(SECTION_NAMES.length)
    expect(simulation.churn(1)).toBe(132)
    // The next beat tells it: nobody waits for a minute here.
    await simulation.herd(20_000)
    await eventually(async () => (await rows())[0]?.hash === before?.hash, false)
    const after = await rows()
    expect(Math.abs((after[0]?.count ?? 0) - (before?.count ?? 0))).toBeLessThanOrEqual(4)
  })

  test('starts and stops a service of its own', async () => {
    await data('manage_services', { device: 'ACME-DC-01', service: 'Dnscache', action: 'stop' })
    expect((await script('ACME-DC-01', 'powershell', 'Get-Service Dnscache')).output).toContain('Stopped')
  })

  test('comes back from a reboot with another boot id', async () => {
    const before = await bootIdOf('ACME-PC-01')
    await data('device_actions', { devices: ['ACME-PC-01'], action: 'reboot', reason: 'test' })
    await eventually(async () => (await bootIdOf('ACME-PC-01')) !== before, true)
    await eventually(async () => (await data('list_devices', { text: 'ACME-PC-01' }))['counts'], {
      online: 1,
      offline: 0,
      pending: 0,
    })
  })

  test('loses nothing when a site is silent for a while', async () => {
    const report = await simulation.siteDown(sleep(300), 'Contoso - Branch Office')
    expect(report).toMatchObject({ devices: 14, returned: 14 })
  })

  test('runs a command once that is delivered again after its connection was lost', async () => {
    const running = script('Contoso-WEB-02', 'bash', 'sleep 2; hostname')
    await sleep(500)
    const report = await simulation.herd(20_000)
    expect(report).toMatchObject({ dropped: 132, returned: 132 })
    expect(await running).toMatchObject({ state: 'succeeded', output: 'Contoso-WEB-02\n' })
    const before = simulation.statistics().results
    await sleep(300)
    expect(simulation.statistics().results).toBe(before)
    expect(simulation.statistics().errors).toEqual({})
  })

  test('reuses its devices in a second run', async () => {
    await simulation.stop()
    await eventually(async () => (await data('list_devices', {}))['counts'], { online: 0, offline: 144, pending: 3 })
    simulation = await start()
    expect(simulation.enrolled).toBe(0)
    await eventually(async () => (await data('list_devices', {}))['counts'], { online: 132, offline: 12, pending: 3 })
  })
})
