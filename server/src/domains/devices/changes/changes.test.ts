import type { Posture, SectionData, ServiceItem } from '@breeze/contract/agent-inventory'
import { describe, expect, test } from 'vitest'
import type { SectionChange } from '../section-changes.ts'
import { certificateChanges } from './certificates.ts'
import { cpuChanges, diskChanges, identityChanges, memoryChanges, osChanges } from './hardware.ts'
import { networkChanges } from './network.ts'
import { changesOf } from './of-section.ts'
import { postureChanges } from './posture.ts'
import { entriesOf } from './record.ts'
import { serviceChanges } from './services.ts'
import { softwareChanges } from './software.ts'
import { userChanges } from './users.ts'

const GIB = 1024 ** 3

describe('software', () => {
  const item = { source: 'dpkg' as const, architecture: 'amd64' }
  test('is added, removed and updated by name and architecture', () => {
    const difference = {
      added: [{ ...item, name: 'nano', version: '7' }],
      removed: [{ ...item, name: 'vim', architecture: '', version: '9' }],
      updated: [{ ...item, name: 'openssl', from: '3.0.1', to: '3.0.2' }],
    }
    expect(softwareChanges(difference)).toEqual([
      { kind: 'software_added', subject: 'nano (amd64)', before: null, after: '7' },
      { kind: 'software_removed', subject: 'vim', before: '9', after: null },
      { kind: 'software_updated', subject: 'openssl (amd64)', before: '3.0.1', after: '3.0.2' },
    ])
  })
})

describe('system and hardware', () => {
  const os: SectionData<'os'> = {
    family: 'linux',
    name: 'Debian GNU/Linux',
    version: '12.7',
    kernel: '6.1.0-25',
    architecture: 'x64',
    bootId: 'a',
    bootedAt: '2026-11-01T00:00:00.000Z',
  }
  test('a new version and kernel are told, a reboot is not', () => {
    expect(osChanges(os, { ...os, version: '12.8', kernel: '6.1.0-27', bootId: 'b' })).toEqual([
      { kind: 'os_changed', subject: 'version', before: 'Debian GNU/Linux 12.7', after: 'Debian GNU/Linux 12.8' },
      { kind: 'os_changed', subject: 'kernel', before: '6.1.0-25', after: '6.1.0-27' },
    ])
    expect(osChanges(os, { ...os, bootId: 'b', bootedAt: '2026-11-02T00:00:00.000Z' })).toEqual([])
  })

  test('memory of another size is told, and not what a kernel takes more or less of it', () => {
    const of = (gib: number) => ({ totalBytes: gib * GIB, availableBytes: 1, swapTotalBytes: 0, swapFreeBytes: 0 })
    expect(memoryChanges(of(16), of(32))).toEqual([
      { kind: 'hardware_changed', subject: 'memory', before: '16.0 GiB', after: '32.0 GiB' },
    ])
    expect(memoryChanges(of(16), of(15.9))).toEqual([])
  })

  test('disks are added, removed and grow; what fills them is no change', () => {
    const disk = (mount: string, gib: number, usedPercent = 10) => {
      const bytes = { totalBytes: gib * GIB, usedBytes: 0, availableBytes: 0, usedPercent }
      return { mount, device: '/dev/x', filesystem: 'ext4', ...bytes }
    }
    const before = [disk('/', 50), disk('/old', 10), disk('/data', 100)]
    const after = [disk('/', 50, 90), disk('/new', 20), disk('/data', 200)]
    expect(diskChanges(before, after)).toEqual([
      { kind: 'disk_added', subject: '/new', before: null, after: '20.0 GiB ext4' },
      { kind: 'disk_removed', subject: '/old', before: '10.0 GiB ext4', after: null },
      { kind: 'disk_resized', subject: '/data', before: '100.0 GiB ext4', after: '200.0 GiB ext4' },
    ])
  })

  test('processor, model, serial number and host name are told, and not what could not be read', () => {
    const cpu = { model: 'Xeon', sockets: 1, cores: 4, threads: 8 }
    expect(cpuChanges(cpu, { ...cpu, threads: 4 })).toMatchObject([
      { subject: 'processor', after: 'Xeon, 4 cores, 4 threads' },
    ])
    const machine = { hostname: 'a', machineId: 'm', vendor: 'Dell', model: 'R650', serial: 'S1', virtualization: null }
    const other = { ...machine, hostname: 'b', model: 'R660', serial: 'S2' }
    expect(identityChanges(machine, other).map(({ subject }) => subject)).toEqual([
      'host name',
      'model',
      'serial number',
    ])
    expect(identityChanges(machine, { ...machine, vendor: null, model: null, serial: null })).toEqual([])
  })
})

describe('network', () => {
  const card = (name: string, ...addresses: string[]) => ({ name, mac: null, up: true, addresses })
  test('addresses by which others reach it are told', () => {
    expect(networkChanges([card('eth0', '10.0.0.5')], [card('eth0', '10.0.0.9')])).toEqual([
      { kind: 'address_added', subject: 'eth0', before: null, after: '10.0.0.9' },
      { kind: 'address_removed', subject: 'eth0', before: '10.0.0.5', after: null },
    ])
  })
  test('what comes and goes by itself is not', () => {
    const before = [card('eth0', 'fe80::1', '2001:db8:1:2:aaaa::1', '169.254.1.1'), card('lo', '127.0.0.1')]
    const after = [card('eth0', 'fe80::2', '2001:db8:1:2:bbbb::2'), card('veth12ab', '10.1.0.1')]
    expect(networkChanges(before, after)).toEqual([])
    expect(networkChanges([], [card('eth0', '2001:db8::1')])).toMatchObject([{ after: '2001:db8:0:0::/64' }])
  })
})

describe('users', () => {
  type Users = SectionData<'users'>
  const user = (name: string, more: Partial<Users['users'][number]> = {}): Users['users'][number] => ({
    name,
    id: name,
    displayName: null,
    administrator: false,
    enabled: true,
    interactive: true,
    password: 'set',
    passwordChangedOn: null,
    lastSignInAt: null,
    ...more,
  })
  const of = (...users: Users['users']): Users => ({ users, sessions: [] })

  test('accounts and administrators are told, a sign-in is not', () => {
    const before = of(user('root', { administrator: true }), user('anna'), user('bert'), user('old'))
    const after = of(
      user('root', { administrator: true, lastSignInAt: '2026-11-25T00:00:00.000Z' }),
      user('anna', { administrator: true }),
      user('bert', { enabled: false }),
      user('eve', { administrator: true }),
    )
    expect(
      userChanges(before, after).map(({ kind, subject, before, after }) => [kind, subject, before, after]),
    ).toEqual([
      ['user_added', 'eve', null, 'administrator'],
      ['administrator_added', 'eve', null, 'administrator'],
      ['user_removed', 'old', 'user', null],
      ['administrator_added', 'anna', 'user', 'administrator'],
      ['user_disabled', 'bert', 'enabled', 'disabled'],
    ])
    expect(userChanges(after, before).map(({ kind, subject }) => [kind, subject])).toContainEqual([
      'administrator_removed',
      'anna',
    ])
  })

  test('a list that lacks something says of nobody that they are gone, and what is not known is no change', () => {
    const before = of(user('anna', { administrator: true, enabled: null }), user('bert'))
    const after = { ...of(user('anna', { enabled: false })), incomplete: ['members of a group'] }
    expect(userChanges(before, after)).toEqual([])
  })
})

describe('services', () => {
  const service = (name: string, more: Partial<ServiceItem> = {}): ServiceItem => ({
    name,
    displayName: null,
    state: 'running',
    start: 'automatic',
    manager: 'systemd',
    pid: 1,
    ...more,
  })

  test('are added, removed, set up otherwise, and stop', () => {
    const before = [service('ssh'), service('old', { start: 'manual' }), service('cron')]
    const after = [
      service('ssh', { state: 'failed', pid: null }),
      service('new'),
      service('cron', { start: 'disabled', state: 'stopped' }),
    ]
    expect(serviceChanges(before, after)).toEqual([
      { kind: 'service_added', subject: 'new', before: null, after: 'automatic' },
      { kind: 'service_removed', subject: 'old', before: 'manual', after: null },
      { kind: 'service_state_changed', subject: 'ssh', before: 'running', after: 'failed' },
      { kind: 'service_start_changed', subject: 'cron', before: 'automatic', after: 'disabled' },
    ])
  })

  test('what starts only when it is needed comes and goes without a word, and on its way it was what it was', () => {
    const manual = (state: ServiceItem['state']) => [service('bits', { start: 'manual', state })]
    expect(serviceChanges(manual('running'), manual('stopped'))).toEqual([])
    const unit = service('user@1000', { start: 'static' })
    expect(serviceChanges([], [unit])).toEqual([])
    const as = (state: ServiceItem['state']) => [service('sql', { state })]
    expect(serviceChanges(as('running'), as('stopping'))).toEqual([])
    expect(serviceChanges(as('stopping'), as('stopped'))).toMatchObject([{ before: 'running', after: 'stopped' }])
    expect(serviceChanges(as('stopped'), as('unknown'))).toEqual([])
  })

  test('copies that Windows makes for a session are one service', () => {
    const copy = (name: string) => [service(name, { manager: 'windows' })]
    expect(serviceChanges(copy('CDPUserSvc_1a2b3c'), copy('CDPUserSvc_99ff00'))).toEqual([])
  })
})

describe('posture', () => {
  const ok = <T>(data: T) => ({ status: 'ok' as const, source: 'test', data })
  const posture: Posture = {
    diskEncryption: ok([{ mount: 'C:', encrypted: true, method: 'BitLocker' }]),
    firewall: ok({ product: 'ufw', installed: true, enabled: true, defaultDenyInbound: true }),
    antimalware: ok([]),
    ssh: ok({ running: true, passwordAuthentication: false, permitRootLogin: 'no', port: 22 }),
    screenLock: { status: 'unsupported', source: 'test' },
    timeSync: ok({ synchronized: true, service: null, running: true }),
    rebootPending: ok({ pending: true, reasons: ['kernel'] }),
    endOfLife: ok({ supportedUntil: '2028-06-30', product: 'Debian 12' }),
  }
  test('each finding is told in words', () => {
    const after: Posture = {
      ...posture,
      diskEncryption: ok([{ mount: 'C:', encrypted: false, method: null }]),
      firewall: ok({ product: 'ufw', installed: true, enabled: false, defaultDenyInbound: null }),
      rebootPending: ok({ pending: true, reasons: ['kernel', 'libc'] }),
    }
    expect(postureChanges(posture, after)).toEqual([
      { kind: 'posture_changed', subject: 'disk encryption', before: 'C: encrypted', after: 'C: not encrypted' },
      {
        kind: 'posture_changed',
        subject: 'firewall',
        before: 'firewall ufw on, inbound denied by default',
        after: 'firewall ufw off',
      },
    ])
  })
  test('what can not be seen any more is not known, whatever the reason', () => {
    const gone: Posture = { ...posture, firewall: { status: 'timeout', source: 'test' } }
    expect(postureChanges(posture, gone)).toMatchObject([{ subject: 'firewall', after: 'not known' }])
    expect(postureChanges(gone, { ...gone, firewall: { status: 'error', source: 'test' } })).toEqual([])
  })
})

test('certificates are added, removed and renewed', () => {
  const certificate = (fingerprint: string, more = {}) => ({
    source: '/etc/x.pem',
    subject: 'CN=x',
    issuer: 'CN=ca',
    notAfter: '2026-12-31T00:00:00.000Z',
    fingerprint,
    ...more,
  })
  const renewed = certificate('b', { notAfter: '2027-12-31T00:00:00.000Z' })
  expect(certificateChanges([certificate('a')], [renewed])).toEqual([
    {
      kind: 'certificate_renewed',
      subject: 'CN=x (/etc/x.pem)',
      before: 'valid until 2026-12-31, by CN=ca',
      after: 'valid until 2027-12-31, by CN=ca',
    },
  ])
  expect(certificateChanges([certificate('a')], []).map(({ kind }) => kind)).toEqual(['certificate_removed'])
  expect(certificateChanges([certificate('a')], [certificate('a', { source: '/etc/y.pem' })])).toEqual([])
})

describe('of a section', () => {
  const now = new Date('2026-11-25T12:00:00.000Z')
  const at = new Date('2026-11-25T04:47:00.000Z')
  const change = (before: unknown, after: unknown, more: Partial<SectionChange> = {}): SectionChange => ({
    deviceId: 'd',
    section: 'os',
    before: { status: 'ok', collectedAt: at, data: before },
    after: { status: 'ok', collectedAt: at, data: after },
    ...more,
  })
  test('a first report, a failure to read and what makes no sense any more are no changes', () => {
    expect(changesOf(change({}, {}, { before: null }))).toEqual([])
    expect(changesOf(change({}, {}, { after: { status: 'error', collectedAt: at } }))).toEqual([])
    expect(changesOf(change({ kernel: '6.1' }, { kernel: '6.2' }))).toEqual([])
    expect(changesOf(change([], [], { section: 'capabilities' }))).toEqual([])
  })

  const software = (n: number) => ({
    added: Array.from({ length: n }, (_, index) => {
      return { source: 'dpkg' as const, architecture: 'all', name: `package-${index}`, version: '1' }
    }),
    removed: [],
    updated: [{ source: 'dpkg' as const, architecture: 'all', name: 'bash\u202E', from: '1', to: '2\n3' }],
  })
  test('many at once are one entry with their number and the first of them', () => {
    const [entry, ...more] = entriesOf(
      change(undefined, undefined, { section: 'software', software: software(1500) }),
      now,
    )
    expect(more).toEqual([])
    expect(entry).toMatchObject({ kind: 'many_changed', subject: 'software', after: '1500 added, 1 updated', at })
    expect(entry?.detail?.counts).toEqual({ software_added: 1500, software_updated: 1 })
    expect(entry?.detail?.changes).toHaveLength(500)
    expect(JSON.stringify(entry).length).toBeLessThan(100_000)
  })
  test('texts of the device are one line without anything hidden, and its time is believed within reason', () => {
    const entries = entriesOf(change(undefined, undefined, { section: 'software', software: software(0) }), now)
    expect(entries).toMatchObject([{ subject: 'bash (all)', before: '1', after: '2 3', at }])
    for (const time of ['2030-01-01T00:00:00Z', '2020-01-01T00:00:00Z']) {
      const after = { status: 'ok', collectedAt: new Date(time) }
      const [entry] = entriesOf(
        change(undefined, undefined, { section: 'software', software: software(0), after }),
        now,
      )
      expect(entry?.at).toEqual(now)
    }
  })
})
