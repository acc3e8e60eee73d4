import type { Posture, SectionData } from '@breeze/contract/agent-inventory'
import { describe, expect, it } from 'vitest'
import { CHECKS, checkById } from './all.ts'
import { DEFAULT_RULES, type Rules, UNKNOWN_REASONS, type Verdict } from './check.ts'
import type { Lacking } from '../../patches/lacking.ts'
import type { DeviceFacts, StoredFact } from './facts.ts'

const NOW = new Date('2026-11-20T12:00:00.000Z')
const daysAgo = (days: number): Date => new Date(NOW.getTime() - days * 86_400_000)

const stored = <Data>(data: Data, more: Partial<StoredFact<Data>> = {}): StoredFact<Data> => ({
  status: 'ok',
  source: 'a test',
  collectedAt: daysAgo(30).toISOString(),
  confirmedAt: daysAgo(0.01),
  detail: null,
  data,
  ...more,
})
const finding = <Data>(data: Data) => ({ status: 'ok' as const, source: 'a test', data })

const POSTURE: Posture = {
  diskEncryption: finding([{ mount: '/', encrypted: true, method: 'luks' }]),
  firewall: finding({ product: 'nftables', installed: true, enabled: true, defaultDenyInbound: true }),
  antimalware: finding([
    { product: 'ClamAV', running: true, realTime: null, definitionsUpdatedAt: daysAgo(1).toISOString() },
  ]),
  ssh: finding({ running: true, passwordAuthentication: true, permitRootLogin: 'no', port: 22 }),
  screenLock: finding({ enabled: true, afterSeconds: 600 }),
  timeSync: finding({ synchronized: true, service: 'chrony', running: true }),
  rebootPending: finding({ pending: false, reasons: [] }),
  endOfLife: finding({ supportedUntil: '2028-06-30', product: 'Debian GNU/Linux 12' }),
}
const USER: SectionData<'users'>['users'][number] = {
  name: 'anna',
  id: '1000',
  displayName: null,
  administrator: false,
  enabled: true,
  interactive: true,
  password: 'set',
  passwordChangedOn: null,
  lastSignInAt: daysAgo(2).toISOString(),
}
const OS: SectionData<'os'> = {
  family: 'linux',
  name: 'Debian GNU/Linux',
  version: '12',
  kernel: '6.1',
  architecture: 'x64',
  bootId: 'one',
  bootedAt: daysAgo(40).toISOString(),
}

const UPDATES: Lacking = {
  reason: null,
  manager: 'apt',
  listsUpdatedAt: daysAgo(1),
  important: [],
  unratedSince: null,
  rebootPendingSince: null,
}

const device = (more: Partial<DeviceFacts> = {}): DeviceFacts => ({
  now: NOW,
  role: 'workstation',
  platform: 'linux',
  enrolledAt: daysAgo(100),
  lastSeenAt: daysAgo(0.01),
  os: stored(OS),
  support: null,
  users: stored({ users: [USER], sessions: [] }),
  posture: stored(POSTURE),
  logServices: stored([{ name: 'rsyslog', state: 'running' as const }]),
  software: stored({ count: 700 }),
  updates: stored(UPDATES),
  rebootPendingSince: null,
  ...more,
})
const posture = (part: Partial<Posture>): Partial<DeviceFacts> => ({ posture: stored({ ...POSTURE, ...part }) })
const users = (...list: Partial<typeof USER>[]): Partial<DeviceFacts> => ({
  users: stored({ users: list.map((user) => ({ ...USER, ...user })), sessions: [] }),
})

function judge(id: string, facts: Partial<DeviceFacts> = {}, rules: Partial<Rules> = {}): Verdict {
  const check = checkById(id)
  if (!check) throw new Error(`no check ${id}`)
  return check.judge(device(facts), { ...DEFAULT_RULES, ...rules })
}
const result = (...asked: Parameters<typeof judge>) => judge(...asked).result

const NOT_MEASURED = ['backup_recent']

describe('every check', () => {
  it('passes a device in order, tells its evidence, and the same each time', () => {
    const allowed = { allowedAdministrators: ['anna'] }
    for (const { id } of CHECKS.filter((check) => !NOT_MEASURED.includes(check.id))) {
      const verdict = judge(id, {}, allowed)
      expect([id, verdict.result]).toEqual([id, 'pass'])
      expect(verdict).toMatchObject({ source: expect.any(String), seen: expect.stringMatching(/\.$/) })
      expect(judge(id, { now: new Date(NOW.getTime() + 1000) }, allowed)).toEqual(verdict)
    }
  })

  it('is unknown of a device that never reported, with the reason', () => {
    const nothing = {
      lastSeenAt: null,
      enrolledAt: NOW,
      os: null,
      users: null,
      posture: null,
      logServices: null,
      software: null,
      updates: null,
    }
    for (const { id } of CHECKS) {
      const verdict = judge(id, nothing)
      expect([id, verdict.result]).toEqual([id, 'unknown'])
      expect(UNKNOWN_REASONS).toContain(verdict.reason)
    }
  })

  it('is unknown of facts that are too old: of a server after a day, of a workstation after two weeks', () => {
    const old = (days: number, role: DeviceFacts['role']): Partial<DeviceFacts> => {
      const at = { confirmedAt: daysAgo(days) }
      return {
        role,
        os: stored(OS, at),
        users: stored({ users: [USER], sessions: [] }, at),
        posture: stored(POSTURE, at),
        logServices: stored([{ name: 'rsyslog', state: 'running' as const }], at),
        software: stored({ count: 1 }, at),
        updates: stored(UPDATES, at),
      }
    }
    const about = CHECKS.filter(({ id }) => ![...NOT_MEASURED, 'device_reporting', 'screen_lock'].includes(id))
    for (const { id } of about) {
      expect([id, judge(id, old(1.1, 'server')).reason]).toEqual([id, 'stale'])
      expect([id, judge(id, old(14.1, 'workstation')).reason]).toEqual([id, 'stale'])
      expect([id, judge(id, old(13, 'workstation')).reason === 'stale']).toEqual([id, false])
      expect([id, judge(id, old(2, 'server'), { serverStaleHours: 72 }).reason === 'stale']).toEqual([id, false])
    }
  })

  it('is unknown of what the agent may not read or failed to, and never a failure', () => {
    const whole = { status: 'no_permission', data: null }
    for (const { id } of CHECKS.filter((check) => ![...NOT_MEASURED, 'device_reporting'].includes(check.id))) {
      const denied = judge(id, {
        users: stored({ users: [], sessions: [] }, whole),
        posture: stored(POSTURE, whole),
        logServices: stored([], whole),
        software: stored({ count: 0 }, whole),
        updates: stored(UPDATES, whole),
      })
      expect([id, denied.result, denied.reason]).toEqual([id, 'unknown', 'no_permission'])
    }
    const timeout = { status: 'timeout' as const, source: 'a test', detail: 'no answer' }
    expect(judge('firewall_on', posture({ firewall: timeout }))).toMatchObject({
      reason: 'error',
      items: ['no answer'],
    })
  })
})

it('tells devices that report from those that fell silent or never came', () => {
  expect(result('device_reporting', { lastSeenAt: daysAgo(6.9) })).toBe('pass')
  expect(judge('device_reporting', { lastSeenAt: daysAgo(8) })).toMatchObject({
    result: 'fail',
    seen: 'Last heard on 2026-11-12.',
  })
  expect(result('device_reporting', { lastSeenAt: null, enrolledAt: daysAgo(8) })).toBe('fail')
  expect(result('device_reporting', { lastSeenAt: null, enrolledAt: daysAgo(1) })).toBe('unknown')
})

it('knows the last day of support', () => {
  const until = (supportedUntil: string | null) =>
    result('os_supported', posture({ endOfLife: finding({ supportedUntil, product: 'x' }) }))
  const support = (state: 'supported' | 'ended' | 'unknown', more: Partial<DeviceFacts> = {}) => {
    const about = { state, release: 'Debian 12', supportedUntil: '2026-06-10', source: 'a table', asOf: '2026-11-01' }
    return judge('os_supported', { ...more, support: about })
  }
  // The dated table goes before what the system says of itself.
  expect(support('ended')).toMatchObject({ result: 'fail', seen: 'Debian 12 is out of support since 2026-06-10.' })
  expect(support('supported').result).toBe('pass')
  expect(support('unknown')).toMatchObject({ result: 'pass', seen: 'Supported until 2028-06-30.' })
  expect(support('ended', { os: stored(OS, { confirmedAt: daysAgo(20) }) }).reason).toBe('stale')
  expect([until('2026-11-20'), until('2026-11-19'), until(null)]).toEqual(['pass', 'fail', 'unknown'])
})

describe('patches', () => {
  const lacking = (more: Partial<Lacking>) => judge('os_patches', { updates: stored({ ...UPDATES, ...more }) })
  const since = (days: number) => daysAgo(days).toISOString()

  it('fail by the important ones that are missing for longer than the limit', () => {
    const important = [
      { name: 'KB5034441', since: since(20) },
      { name: 'KB5050000', since: since(3) },
    ]
    expect(lacking({ important })).toMatchObject({ result: 'fail', items: ['KB5034441'] })
    expect(lacking({ important: important.slice(1) })).toMatchObject({ result: 'pass', items: ['KB5050000'] })
    expect(judge('os_patches', { updates: stored({ ...UPDATES, important }) }, { patchDays: 30 }).result).toBe('pass')
  })

  it('are unknown where nobody rates them, or the device has not looked for long', () => {
    expect(lacking({ unratedSince: since(20) })).toMatchObject({ reason: 'incomplete' })
    expect(lacking({ unratedSince: since(2) }).result).toBe('pass')
    expect(lacking({ listsUpdatedAt: daysAgo(15) })).toMatchObject({ reason: 'stale' })
    expect(lacking({ listsUpdatedAt: null })).toMatchObject({ reason: 'incomplete' })
  })
})

describe('a restart that is due', () => {
  const due = posture({ rebootPending: finding({ pending: true, reasons: ['package linux-image'] }) })
  it('counts from when it was first seen', () => {
    expect(judge('reboot_pending', due)).toMatchObject({
      result: 'pass',
      seen: 'A restart is due, first seen on 2026-11-20.',
    })
    const since = daysAgo(6.9).toISOString()
    expect(judge('reboot_pending', { ...due, rebootPendingSince: since })).toMatchObject({
      result: 'pass',
      seen: 'A restart is due, first seen on 2026-11-13.',
    })
    expect(judge('reboot_pending', { ...due, rebootPendingSince: daysAgo(7.1).toISOString() })).toMatchObject({
      result: 'fail',
      items: ['package linux-image'],
    })
  })

  it('counts anew after a restart, and not when none is due', () => {
    const os = stored({ ...OS, bootedAt: daysAgo(3).toISOString() })
    expect(judge('reboot_pending', { ...due, os, rebootPendingSince: daysAgo(20).toISOString() })).toMatchObject({
      result: 'pass',
      seen: 'A restart is due, first seen on 2026-11-17.',
    })
    expect(result('reboot_pending', { rebootPendingSince: daysAgo(20).toISOString() })).toBe('pass')
  })
})

describe('disks', () => {
  it('fail by the volume that is open, and are unknown where one could not be looked at', () => {
    const volumes = [
      { mount: '/', encrypted: true, method: 'luks' },
      { mount: '/srv', encrypted: false, method: null },
    ]
    expect(judge('disk_encrypted', posture({ diskEncryption: finding(volumes) }))).toMatchObject({
      result: 'fail',
      items: ['/srv'],
    })
    const partly = { ...POSTURE.diskEncryption, detail: 'not known to be on a disk of this system: /mnt' }
    expect(judge('disk_encrypted', posture({ diskEncryption: partly })).reason).toBe('incomplete')
    expect(result('disk_encrypted', posture({ diskEncryption: finding([]) }))).toBe('unknown')
  })
})

it.each([
  [{ installed: false, enabled: false, defaultDenyInbound: null }, 'fail'],
  [{ installed: true, enabled: false, defaultDenyInbound: null }, 'fail'],
  [{ installed: true, enabled: true, defaultDenyInbound: false }, 'fail'],
  [{ installed: true, enabled: true, defaultDenyInbound: null }, 'unknown'],
  [{ installed: true, enabled: true, defaultDenyInbound: true }, 'pass'],
])('judges a firewall %j: %s', (firewall, expected) => {
  expect(result('firewall_on', posture({ firewall: finding({ product: null, ...firewall }) }))).toBe(expected)
})

describe('anti-malware', () => {
  const product = (running: boolean | null, realTime: boolean | null, age: number | null) => ({
    product: 'One',
    running,
    realTime,
    definitionsUpdatedAt: age === null ? null : daysAgo(age).toISOString(),
  })
  it.each([
    [[], 'fail', 'fail'],
    [[product(true, true, 1)], 'pass', 'pass'],
    [[product(true, null, null)], 'pass', 'unknown'],
    [[product(true, false, 4)], 'fail', 'fail'],
    [[product(false, false, 1)], 'fail', 'fail'],
    [[product(null, null, 1)], 'unknown', 'pass'],
    [[product(false, null, 1), product(true, true, 2)], 'pass', 'pass'],
    [[product(true, true, 9), product(true, true, null)], 'pass', 'unknown'],
  ])('%j: running %s, current %s', (products, running, current) => {
    const facts = posture({ antimalware: finding(products) })
    expect([result('antimalware_running', facts), result('antimalware_current', facts)]).toEqual([running, current])
  })
})

it('judges the lock of screens where somebody sits', () => {
  const lock = (enabled: boolean, afterSeconds: number | null) =>
    posture({ screenLock: finding({ enabled, afterSeconds }) })
  expect(result('screen_lock', lock(true, 900))).toBe('pass')
  expect(result('screen_lock', lock(true, 901))).toBe('fail')
  expect(result('screen_lock', lock(true, 901), { screenLockMinutes: 20 })).toBe('pass')
  expect(result('screen_lock', lock(false, null))).toBe('fail')
  expect(result('screen_lock', lock(true, null))).toBe('unknown')
  for (const role of ['server', 'domain_controller'] as const)
    expect(result('screen_lock', { ...lock(false, null), role })).toBe('not_applicable')
})

describe('accounts', () => {
  it('holds administrators against the list, and is unknown without one', () => {
    const found = users({ id: '0', name: 'root', administrator: true }, { name: 'Anna', administrator: true })
    expect(judge('local_administrators', found)).toMatchObject({ reason: 'not_configured', items: ['Anna'] })
    const allowed = (...allowedAdministrators: string[]) => ({ allowedAdministrators })
    expect(result('local_administrators', found, allowed('anna'))).toBe('pass')
    expect(judge('local_administrators', found, allowed('bert'))).toMatchObject({ result: 'fail', items: ['Anna'] })
    expect(judge('local_administrators', found, allowed())).toMatchObject({ result: 'fail', items: ['Anna'] })
    expect(result('local_administrators', users({ administrator: true, enabled: false }), allowed())).toBe('pass')
    const unclear = stored({
      users: [USER],
      sessions: [],
      incomplete: ['members of CONTOSO\\Admins are administrators'],
    })
    expect(judge('local_administrators', { users: unclear }, allowed('anna')).reason).toBe('incomplete')
    const signedIn = stored({
      users: [USER],
      sessions: [],
      incomplete: ['this system keeps no record of who is signed in'],
    })
    expect(result('local_administrators', { users: signedIn }, allowed('anna'))).toBe('pass')
  })

  it('finds accounts that lie dormant, and says where it is not told', () => {
    const dormant = { name: 'gone', lastSignInAt: daysAgo(46).toISOString() }
    expect(judge('dormant_accounts', users({}, dormant))).toMatchObject({ result: 'fail', items: ['gone'] })
    expect(result('dormant_accounts', users({ ...dormant, enabled: false }))).toBe('pass')
    expect(result('dormant_accounts', users({ ...dormant, interactive: false }))).toBe('pass')
    expect(result('dormant_accounts', users({ ...dormant, id: '0' }))).toBe('pass')
    expect(result('dormant_accounts', users({ ...dormant, id: 'S-1-5-21-1-2-3-500' }))).toBe('pass')
    expect(judge('dormant_accounts', users({}, { name: 'new', lastSignInAt: null }))).toMatchObject({
      reason: 'incomplete',
      items: ['new'],
    })
    expect(result('dormant_accounts', users({ lastSignInAt: null, password: 'locked' }))).toBe('pass')
  })

  it('finds guests and accounts without a password', () => {
    const guest = { name: 'Gast', id: 'S-1-5-21-1-2-3-501' }
    expect(result('guest_account', users({ ...guest, enabled: false }))).toBe('pass')
    expect(result('guest_account', users({ ...guest, enabled: true }))).toBe('fail')
    expect(result('guest_account', users({ name: 'guest', enabled: null }))).toBe('unknown')
    expect(judge('empty_passwords', users({}, { name: 'open', password: 'none' }))).toMatchObject({
      result: 'fail',
      items: ['open'],
    })
    expect(judge('empty_passwords', users({ password: null }))).toMatchObject({ reason: 'no_permission' })
    expect(result('empty_passwords', users({ password: 'none', enabled: false }))).toBe('not_applicable')
  })
})

describe('the SSH server', () => {
  const ssh = (part: Partial<NonNullable<Posture['ssh']['data']>>) =>
    posture({
      ssh: finding({ running: true, passwordAuthentication: true, permitRootLogin: 'yes' as const, port: 22, ...part }),
    })
  it.each([
    [{}, 'fail'],
    [{ passwordAuthentication: false }, 'pass'],
    [{ passwordAuthentication: null }, 'unknown'],
    [{ permitRootLogin: 'prohibit-password' as const }, 'pass'],
    [{ permitRootLogin: null }, 'unknown'],
    [{ running: false }, 'not_applicable'],
    [{ running: null }, 'fail'],
  ])('%j: %s', (part, expected) => {
    expect(result('ssh_root_password', ssh(part))).toBe(expected)
  })

  it('is of no concern where there is none, or no root', () => {
    expect(result('ssh_root_password', { ...ssh({ permitRootLogin: null }), platform: 'windows' })).toBe(
      'not_applicable',
    )
    const absent = posture({ ssh: { status: 'unsupported', source: 'a test', detail: 'no SSH server is installed' } })
    expect(result('ssh_root_password', absent)).toBe('not_applicable')
  })
})

it('judges clock and event log by what the system says', () => {
  const sync = (synchronized: boolean | null) =>
    result('time_sync', posture({ timeSync: finding({ synchronized, service: null, running: true }) }))
  expect([sync(true), sync(false), sync(null)]).toEqual(['pass', 'fail', 'unknown'])
  const logs = (state: 'running' | 'stopped') => ({ logServices: stored([{ name: 'EventLog', state }]) })
  expect(result('audit_log', logs('running'))).toBe('pass')
  expect(result('audit_log', logs('stopped'))).toBe('fail')
  expect(result('audit_log', { logServices: stored([]) })).toBe('fail')
  expect(result('audit_log', { logServices: stored([]), platform: 'macos' })).toBe('unknown')
})
