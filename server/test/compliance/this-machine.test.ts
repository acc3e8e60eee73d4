/** The checks on this very machine, by its own agent, against what its files say when they are read here, another way. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type AgentProcess, PATIENCE_MS, startAgent } from '../reach/agent-process.ts'
import { type Answer, done } from '../settings/answers.ts'

const NEEDED = ['os', 'users', 'posture', 'services', 'software']

let world: Harness
let place: Organization
let machine: AgentProcess
let caller: Caller
let results: Record<string, Answer>

beforeAll(async () => {
  world = await boot()
  place = await world.organization('Northwind')
  caller = await world.caller(
    await world.key(await world.user('organization_admin', place.id), ['ai:read', 'ai:write']),
    'rest',
  )
  machine = await startAgent(world, place)
  await until(async () => {
    const rows = await world.sql<{ section: string }>('select section from device_sections where device_id = $1', [
      machine.id,
    ])
    return NEEDED.every((name) => rows.some((row) => row.section === name))
  }, 3 * PATIENCE_MS)
  await world.server.services.compliance.evaluate([machine.id])
  results = await readResults()
}, 5 * PATIENCE_MS)
afterAll(async () => {
  await machine?.stop()
  await world?.stop()
})

async function readResults(): Promise<Record<string, Answer>> {
  const answer: Answer = done(await world.invoke(caller, 'list_check_results', { device: machine.id }))
  return Object.fromEntries(answer['devices'][0]['checks'].map((result: Answer) => [result['check'], result]))
}

const text = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')
const rows = (path: string): string[][] =>
  text(path)
    .split('\n')
    .filter((line) => line.includes(':'))
    .map((line) => line.split(':'))
const programs = (): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => text(`/proc/${pid}/comm`).trim())
const onPath = (program: string): boolean =>
  ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(`${folder}/${program}`))
const isRoot = process.getuid?.() === 0

describe('on this machine', () => {
  it('a result is there for every check, with where and when it was seen', () => {
    expect(Object.keys(results).length).toBeGreaterThan(15)
    for (const [check, result] of Object.entries(results)) {
      if (['pass', 'fail'].includes(result['status']) && check !== 'device_reporting')
        expect([check, result['source'], result['collected_at']]).toEqual([
          check,
          expect.any(String),
          expect.any(String),
        ])
    }
    expect(results).toMatchObject({
      device_reporting: { status: 'pass' },
      software_inventory: { status: 'pass' },
      account_inventory: { status: 'pass' },
      screen_lock: { status: 'not_applicable' },
      backup_recent: { status: 'unknown', reason: 'not_measured' },
      local_administrators: { status: 'unknown', reason: 'not_configured' },
    })
  })

  it('support ends when os-release and the distribution say', () => {
    const release = Object.fromEntries(
      text('/etc/os-release')
        .split('\n')
        .map((line) => line.replaceAll('"', '').split('=')),
    )
    const [header = '', ...lines] = text(`/usr/share/distro-info/${release['ID']}.csv`).split('\n')
    const column = (line: string, name: string): string | undefined => line.split(',')[header.split(',').indexOf(name)]
    const own = lines.find((line) => column(line, 'series') === release['VERSION_CODENAME'])
    // The table of releases goes before what the system says of itself.
    const os = { family: 'linux', name: release['NAME'] ?? '', version: release['VERSION_ID'] ?? '' } as const
    const { supportedUntil } = world.server.services.lifecycle.of(os)
    const end = supportedUntil ?? release['SUPPORT_END'] ?? (own && column(own, 'eol'))
    const { status, seen } = results['os_supported'] ?? {}
    if (!end) return expect(status).toBe('unknown')
    const today = new Date().toISOString().slice(0, 10)
    expect([status, seen]).toEqual([today <= end ? 'pass' : 'fail', expect.stringContaining(end)])
  })

  it.runIf(isRoot)('passwords are as the shadow file has them', () => {
    const open = rows('/etc/shadow')
      .filter(([, hash]) => hash === '')
      .map(([name]) => name)
    expect(results['empty_passwords']).toMatchObject(
      open.length > 0 ? { status: 'fail', items: open } : { status: 'pass', items: [] },
    )
  })

  it('root signs in over SSH as the server is configured', () => {
    const config = text('/etc/ssh/sshd_config')
    const { status } = results['ssh_root_password'] ?? {}
    if (config === '' || !programs().includes('sshd')) return expect(status).toBe('not_applicable')
    const setting = (name: string) => new RegExp(`^\\s*${name}\\s+(\\S+)`, 'im').exec(config)?.[1]
    const lets = setting('PermitRootLogin') === 'yes' && setting('PasswordAuthentication') !== 'no'
    expect(status).toBe(lets ? 'fail' : 'pass')
  })

  it('accounts lie dormant or not as passwd and shadow tell who there is', () => {
    const shells = text('/etc/shells').split('\n')
    const people = rows('/etc/passwd').filter((row) => row[2] !== '0' && shells.includes(row[6] ?? ''))
    const locked = new Set(
      rows('/etc/shadow')
        .filter(([, hash = '']) => /^[!*]/.test(hash))
        .map(([name]) => name),
    )
    const { status, items } = results['dormant_accounts'] ?? {}
    if (people.length === 0) expect(status).toBe('pass')
    const known = people.map(([name]) => name)
    expect(known).toEqual(expect.arrayContaining(items))
    if (status === 'unknown') expect(items.filter((name: string) => locked.has(name))).toEqual([])
    const guests = rows('/etc/passwd').filter(([name]) => name === 'guest')
    expect(results['guest_account']?.['status']).toBe(guests.length > 0 ? expect.any(String) : 'pass')
  })

  it('firewall, anti-malware, time and records are as programs and files show', () => {
    const running = new Set(programs())
    const firewalls = ['nft', 'iptables-save', 'ufw', 'firewall-cmd']
    if (!firewalls.some(onPath)) expect(results['firewall_on']?.['status']).toBe('fail')
    expect(results['firewall_on']?.['status']).not.toBe('not_applicable')
    const scanners = existsSync('/usr/bin/clamscan') || readdirSync('/opt').length > 0
    if (!scanners) expect(results['antimalware_running']).toMatchObject({ status: 'fail', items: [] })
    const keepers = ['chronyd', 'systemd-timesyn', 'ntpd', 'VBoxService', 'vmtoolsd']
    if (!keepers.some((name) => running.has(name)) && !existsSync('/run/systemd/system'))
      expect(results['time_sync']?.['status']).toBe('unknown')
    const loggers = ['rsyslog', 'syslog-ng', 'sysklogd', 'auditd']
    if (!existsSync('/run/systemd/system') && !loggers.some((name) => existsSync(`/etc/init.d/${name}`)))
      expect(results['audit_log']?.['status']).toBe('fail')
  })

  it('no volume passes as encrypted where no device of this machine encrypts', () => {
    const encrypting = (existsSync('/sys/block') ? readdirSync('/sys/block') : []).filter((name) =>
      text(`/sys/block/${name}/dm/uuid`).startsWith('CRYPT-'),
    )
    if (encrypting.length === 0) expect(results['disk_encrypted']?.['status']).not.toBe('pass')
  })

  it('administrators are held against the list that is set', async () => {
    const set = (names: string[]) =>
      world.invoke(caller, 'manage_compliance_settings', {
        action: 'set',
        organization: place.id,
        allowed_administrators: names,
      })
    const { items: administrators } = results['local_administrators'] ?? {}
    const members = rows('/etc/group')
      .filter(([name]) => ['sudo', 'wheel', 'admin'].includes(name ?? ''))
      .flatMap((row) => row[3]?.split(',').filter(Boolean) ?? [])
    expect(administrators).toEqual(expect.arrayContaining(members))
    done(await set(administrators))
    await world.server.services.compliance.idle()
    expect((await readResults())['local_administrators']?.['status']).toMatch(/^(pass|unknown)$/)
    done(await set([]))
    await world.server.services.compliance.idle()
    const { status } = (await readResults())['local_administrators'] ?? {}
    expect(status).toMatch(administrators.length > 0 ? /^fail$/ : /^(pass|unknown)$/)
  })
})
