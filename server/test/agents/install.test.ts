/** The agent as a service of this very machine: installed by the one line, killed, renewed, removed. Needs root. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildAgent } from '../../../agent/test/built-agent.ts'
import { callsOf } from '../reach/calls.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { until } from './fleet.ts'

const exec = promisify(execFile)
const PROGRAM = '/opt/breeze-agent/breeze-agent'
const INIT = '/etc/init.d/breeze-agent'
const PID_FILE = '/run/breeze-agent.pid'

function impossible(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'installing a service needs root on Linux'
  if (existsSync(PROGRAM) || existsSync(INIT)) return 'a Breeze agent is installed on this machine: it is left alone'
  if (existsSync('/run/systemd/system')) return 'this machine runs systemd: only its unit file is tested elsewhere'
  return existsSync('/etc/init.d') ? undefined : 'this machine has no init scripts'
}
const reason = impossible()
if (reason) console.warn(`not tested: ${reason}`)

describe.skipIf(reason !== undefined)('the agent as a service', () => {
  let harness: Harness
  let organization: Organization
  let token: string
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'breeze-install-'))
    harness = await boot({ agentBundle: (await buildAgent(folder, '7.0.0')).path })
    organization = await harness.organization('Acme')
    const input = { organization: organization.id, uses: 2, expires_in: '1h' }
    const made = await harness.invoke(await harness.operator(), 'create_enrollment_token', input)
    if (made.status !== 'done') throw new Error(`no token: ${made.status}`)
    token = String(made.data['token'])
  })
  afterAll(async () => {
    if (existsSync(PROGRAM)) await exec(PROGRAM, ['uninstall']).catch(() => undefined)
    await harness.stop()
    rmSync(folder, { recursive: true })
  })

  const oneLine = (...args: string[]) =>
    exec('sh', ['-c', `curl -fsSL ${harness.server.url}/agent/install.sh | sh -s -- "$@"`, 'sh', ...args])
  const device = async () =>
    (
      await harness.sql<{ status: string; conditions: string[]; name: string }>(
        'select status, conditions, name from devices where organization_id = $1',
        [organization.id],
      )
    )[0]
  const online = () => until(async () => (await device())?.status === 'online', 30_000)
  const children = async () => {
    const supervisor = readFileSync(PID_FILE, 'utf8').trim()
    // It answers 1 where there is none.
    const { stdout } = await exec('sh', ['-c', 'ps --ppid "$1" -o pid=,ni=,args= || true', 'sh', supervisor])
    return stdout.trim().split(/\s+/)
  }

  test('a wrong token installs nothing', async () => {
    await expect(oneLine('--token', 'brze_wrong')).rejects.toMatchObject({ stderr: expect.stringMatching(/token/i) })
    expect([existsSync(PROGRAM), existsSync(INIT)]).toEqual([false, false])
  })

  test('one line installs it, and the device is online', async () => {
    const { stdout } = await oneLine('--token', token)
    expect(stdout).toMatch(/runs as a sysv service, device [0-9a-f-]{36}/)
    await online()
    expect((await exec('service', ['breeze-agent', 'status'])).stdout).toContain('running')
    const settings = readFileSync('/etc/breeze-agent/agent.env', 'utf8')
    expect(settings).toContain(harness.server.url)
    expect(settings).not.toContain('brze_')
    expect(statSync('/etc/breeze-agent/agent.env').mode & 0o777).toBe(0o600)
    expect(statSync('/var/lib/breeze-agent').mode & 0o077).toBe(0)
    const [, niceness] = await children()
    expect(Number(niceness)).toBe(Math.min(19, getPriority() + 10))
  })

  test('killed, it comes back by itself', async () => {
    const [pid] = await children()
    process.kill(Number(pid), 'SIGKILL')
    const other = await until(async () => {
      const [now] = await children()
      return now !== '' && now !== pid && now
    }, 30_000)
    expect(other).not.toBe(pid)
    await until(() => readFileSync('/var/log/breeze-agent/agent.log', 'utf8').includes('"end":"SIGKILL"'))
  })

  test('it takes on a newer build, which runs within the installed program', async () => {
    const operator = await harness.operator()
    const [found] = await harness.sql<{ id: string }>('select id from devices where organization_id = $1', [
      organization.id,
    ])
    await until(async () => {
      const rows = await harness.sql(
        `select from device_sections where device_id = $1 and section = 'capabilities'
           and data @> '[{"name": "agent.update", "supported": true}]'`,
        [found?.id],
      )
      return rows.length > 0
    }, 30_000)
    const { data } = await callsOf(harness, () => operator).confirmed('update_agents', { devices: found?.id })
    const ended = await until(async () => {
      const [row] = await harness.sql<{ outcome: string | null; reason: string | null }>(
        'select outcome, reason from rollout_devices where device_id = $1',
        [found?.id],
      )
      return row?.outcome && row
    }, 60_000)
    expect([data['total'], ended]).toEqual([1, { outcome: 'succeeded', reason: null }])
    expect(await children()).toEqual(expect.arrayContaining([PROGRAM, 'launch']))
    const rows = await harness.sql('select agent_version from devices where id = $1', [found?.id])
    expect(rows).toEqual([{ agent_version: '7.0.0' }])
  }, 120_000)

  test('the same line renews it, without a token, as the same device', async () => {
    const before = await harness.sql('select id from devices where organization_id = $1', [organization.id])
    await oneLine()
    await online()
    expect(await harness.sql('select id from devices where organization_id = $1', [organization.id])).toEqual(before)
  })

  test('removed, it leaves nothing but the policy, and the server knows', async () => {
    const { stdout } = await oneLine('--uninstall')
    expect(stdout).toContain('is removed')
    await until(async () => (await device())?.status === 'offline')
    const left = [
      PROGRAM,
      INIT,
      PID_FILE,
      '/var/lib/breeze-agent',
      '/var/log/breeze-agent',
      '/etc/breeze-agent/agent.env',
    ]
    expect(left.filter((path) => existsSync(path))).toEqual([])
    const { stdout: links } = await exec('sh', ['-c', 'ls /etc/rc?.d | grep breeze-agent || true'])
    expect(links).toBe('')
  })
})
