import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { postureData, postureSection } from '@breeze/contract/agent-inventory'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseEffective, readSshdConfig } from '../platform/linux/sshd-config.ts'
import { parseSeconds } from '../platform/linux/time-span.ts'
import { Inventory } from './collect.ts'
import { posture } from './posture.ts'
import { findingOf, type FindingReader } from './posture/finding.ts'
import { linuxAntimalware, parseDefinitionHeader } from './posture/linux-antimalware.ts'
import { linuxDiskEncryption } from './posture/linux-disk-encryption.ts'
import { linuxEndOfLife, parseRelease } from './posture/linux-end-of-life.ts'
import { linuxRebootPending } from './posture/linux-reboot-pending.ts'
import { linuxScreenLock, parseGnome, parseLogind, parsePlasma } from './posture/linux-screen-lock.ts'
import { linuxSsh } from './posture/linux-ssh.ts'
import { linuxTimeSync, parseTracking } from './posture/linux-time-sync.ts'
import { sshSettings } from './posture/ssh-settings.ts'
import { TimedOut, Unsupported } from './section.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'breeze-posture-'))
})
afterEach(() => rmSync(root, { recursive: true }))
function put(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}
const recorded = (name: string) => readFileSync(join(import.meta.dirname, '../../test/recorded', name), 'utf8')
const isRoot = process.getuid?.() === 0

describe('the section', () => {
  test('has the shape of the contract here, each finding with its own status', async () => {
    const { sections } = await new Inventory().collect(['posture'])
    expect(sections.posture).toMatchObject({ status: 'ok' })
    expect(postureSection.parse(sections.posture)).toEqual(sections.posture)
    for (const finding of Object.values(sections.posture?.data ?? {})) {
      expect(finding.status === 'ok').toBe(finding.data !== undefined)
      if (finding.status !== 'ok') expect(finding.detail).toMatch(/\w/)
    }
  })

  test.each([
    [new Unsupported('no such thing'), 'unsupported'],
    [Object.assign(new Error('denied'), { code: 'EPERM' }), 'no_permission'],
    [new TimedOut('slow'), 'timeout'],
    [new Error('broken'), 'error'],
  ])('a finding that fails says why and has no data: %s', async (error, status) => {
    const reader: FindingReader<'ssh'> = {
      source: 'x',
      async read() {
        throw error
      },
    }
    expect(await findingOf(reader, 1000)).toEqual({ status, source: 'x', detail: error.message })
  })

  test('a finding that hangs is a timeout', async () => {
    const { promise } = Promise.withResolvers<never>()
    const reader: FindingReader<'ssh'> = { source: 'x', read: () => promise }
    expect(await findingOf(reader, 10)).toMatchObject({ status: 'timeout' })
  })
})

describe('disk encryption', () => {
  test('is told for every volume of this machine', async () => {
    const { diskEncryption } = await posture.collect()
    const told = [...(diskEncryption.data ?? []).map(({ mount }) => mount), diskEncryption.detail ?? ''].join(' ')
    const lsblk = JSON.parse(execFileSync('lsblk', ['-J', '-o', 'NAME,TYPE,MOUNTPOINTS']).toString())
    const isCrypt = JSON.stringify(lsblk).includes('"crypt"')
    expect(told).toContain('/')
    if (!isCrypt) expect(diskEncryption.data?.every(({ encrypted }) => !encrypted)).toBe(true)
  })

  /** A volume on this number, and below it what is given: uuid of the mapping, and its slaves. */
  interface Block {
    uuid?: string
    slaves?: Record<string, Block>
    loop?: string
  }
  function block(path: string, { uuid, slaves, loop }: Block): void {
    put(`${path}/dev`, '1:1')
    if (uuid !== undefined) put(`${path}/dm/uuid`, `${uuid}\n`)
    if (loop !== undefined) put(`${path}/loop/backing_file`, loop)
    for (const [name, slave] of Object.entries(slaves ?? {})) {
      block(`sys/devices/${name}`, slave)
      mkdirSync(join(root, path, 'slaves'), { recursive: true })
      symlinkSync(join(root, `sys/devices/${name}`), join(root, path, 'slaves', name))
    }
  }
  async function of(found: Block) {
    const { dev } = statSync(root)
    block(`sys/dev/block/${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`, found)
    const disk = {
      mount: root,
      device: '/dev/x',
      filesystem: 'ext4',
      totalBytes: 1,
      usedBytes: 0,
      availableBytes: 1,
      usedPercent: 0,
    }
    const finding = await findingOf(
      linuxDiskEncryption(root, async () => [disk]),
      5000,
    )
    expect(finding.status).toBe('ok')
    return finding.data?.[0]?.method ?? (finding.data?.[0] ? 'none' : finding.detail?.split(':')[0])
  }
  const luks = { uuid: 'CRYPT-LUKS2-0123-cr' }
  test.each<[string, Block, string | null]>([
    ['a plain partition', {}, 'none'],
    ['LUKS', luks, 'luks2'],
    ['LVM over LUKS', { uuid: 'LVM-abc', slaves: { dm1: luks } }, 'luks2'],
    ['LVM over an open and an encrypted disk', { uuid: 'LVM-abc', slaves: { dm1: luks, sdb: {} } }, 'none'],
    ['RAID over two encrypted disks', { slaves: { dm1: luks, dm2: { uuid: 'CRYPT-PLAIN-x' } } }, 'luks2'],
    ['verity, which hides nothing', { uuid: 'CRYPT-VERITY-x', slaves: { sda: {} } }, 'none'],
    ['LVM over LVM over nothing', { uuid: 'LVM-a', slaves: { dm1: { uuid: 'LVM-b', slaves: { sda: {} } } } }, 'none'],
  ])('%s', async (_, found, expected) => {
    expect(await of(found)).toBe(expected)
  })

  test('a volume whose disk is not this system’s is said to be unknown, not open', async () => {
    const disk = {
      mount: root,
      device: 'overlay',
      filesystem: 'overlay',
      totalBytes: 1,
      usedBytes: 0,
      availableBytes: 1,
      usedPercent: 0,
    }
    const finding = await findingOf(
      linuxDiskEncryption(root, async () => [disk]),
      5000,
    )
    expect(finding).toMatchObject({ status: 'ok', data: [], detail: expect.stringContaining(root) })
  })
})

describe('ssh', () => {
  const read = (files: Record<string, string>) =>
    readSshdConfig({
      read: async (path) => files[path],
      glob: async (pattern) =>
        Object.keys(files).filter((path) => dirname(path) === dirname(pattern) && path.endsWith('.conf')),
    })

  test('the first value counts, an Include stands for its files, and a Match block is not for everybody', async () => {
    const { values, hasMatch } = await read({
      '/etc/ssh/sshd_config': [
        '# Port 1',
        'Include sshd_config.d/*.conf',
        'PermitRootLogin yes',
        'port=2200',
        'PasswordAuthentication "yes" # comment',
        'Match User anna',
        '  PermitEmptyPasswords yes',
      ].join('\r\n'),
      '/etc/ssh/sshd_config.d/10-cloud.conf': 'PasswordAuthentication no\nInclude /etc/ssh/sshd_config.d/*.conf\n',
    })
    expect(hasMatch).toBe(true)
    expect(values.get('permitemptypasswords')).toBeUndefined()
    expect(sshSettings(values, true)).toEqual({
      running: true,
      passwordAuthentication: false,
      permitRootLogin: 'yes',
      port: 2200,
    })
  })

  test('without a word the defaults of OpenSSH hold, and PAM may ask for a password too', () => {
    expect(sshSettings(new Map(), null)).toEqual({
      running: null,
      passwordAuthentication: true,
      permitRootLogin: 'prohibit-password',
      port: 22,
    })
    const pam = new Map([
      ['passwordauthentication', 'no'],
      ['usepam', 'yes'],
    ])
    expect(sshSettings(pam, null).passwordAuthentication).toBe(true)
    expect(sshSettings(new Map([...pam, ['kbdinteractiveauthentication', 'no']]), null).passwordAuthentication).toBe(
      false,
    )
  })

  test('the answer of a real sshd -T', () => {
    expect(sshSettings(parseEffective(recorded('sshd-effective.txt')), true)).toEqual({
      running: true,
      passwordAuthentication: false,
      permitRootLogin: 'prohibit-password',
      port: 2222,
    })
  })

  test('from the files the finding says so', async () => {
    put('etc/ssh/sshd_config', 'Port 65001\nInclude /etc/ssh/sshd_config.d/*.conf\nMatch all\n')
    put('etc/ssh/sshd_config.d/a.conf', 'PermitRootLogin no\n')
    const finding = await findingOf(linuxSsh(root), 5000)
    expect(finding).toMatchObject({ status: 'ok', data: { permitRootLogin: 'no', port: 65_001 } })
    expect(finding.detail).toMatch(/read from the file.*Match/)
  })
})

test('antimalware: ClamAV with the age of its definitions, others by what they install and run', async () => {
  put('usr/bin/clamscan', '')
  put('var/lib/clamav/daily.cld', `ClamAV-VDB:25 Nov 2026 09-24 +0100:27829:2077:90:${'0'.repeat(600)}`)
  put('var/lib/clamav/main.cvd', 'ClamAV-VDB:16 Sep 2021 08-32 -0400:62:6647427:90:')
  put('opt/CrowdStrike/x', '')
  const programs = new Set(['clamd', 'falcon-sensor'])
  const finding = await findingOf(
    linuxAntimalware(root, async () => (name) => programs.has(name)),
    5000,
  )
  expect(finding.data).toEqual([
    { product: 'ClamAV', running: true, realTime: false, definitionsUpdatedAt: '2026-11-25T08:24:00.000Z' },
    { product: 'CrowdStrike Falcon', running: true, realTime: null, definitionsUpdatedAt: null },
  ])
  expect(parseDefinitionHeader('garbage')).toBeUndefined()
})

describe('screen lock', () => {
  test('a device without a desktop has no screen to lock', async () => {
    expect(await findingOf(linuxScreenLock(root), 5000)).toMatchObject({
      status: 'unsupported',
      detail: 'no graphical desktop is installed: there is no screen to lock',
    })
  })

  test('Plasma and logind: the sooner one locks', async () => {
    put('usr/share/wayland-sessions/plasma.desktop', '')
    put('etc/xdg/kscreenlockerrc', '[Daemon]\nTimeout=10\n[Greeter]\nTimeout=1\n')
    expect(await findingOf(linuxScreenLock(root), 5000)).toMatchObject({ data: { enabled: true, afterSeconds: 600 } })
    put('etc/systemd/logind.conf', '[Login]\n#IdleAction=ignore\nIdleAction=lock\n')
    put('etc/systemd/logind.conf.d/x.conf', '[Login]\nIdleActionSec=5min\n')
    expect(await findingOf(linuxScreenLock(root), 5000)).toMatchObject({ data: { enabled: true, afterSeconds: 300 } })
  })

  test('each desktop’s words', () => {
    expect(parseGnome('true', 'uint32 0', 'uint32 300')).toEqual({ enabled: true, afterSeconds: 300 })
    expect(parseGnome('true', 'uint32 30', 'uint32 0')).toEqual({ enabled: false, afterSeconds: null })
    expect(parseGnome('false', 'uint32 0', 'uint32 300')).toEqual({ enabled: false, afterSeconds: null })
    expect(parseGnome('No such schema', '', '')).toBeUndefined()
    expect(parsePlasma('')).toEqual({ enabled: true, afterSeconds: 300 })
    expect(parsePlasma('[Daemon]\nAutolock[$i]=false\n')).toEqual({ enabled: false, afterSeconds: null })
    expect(parseLogind('IdleAction=ignore')).toBeUndefined()
    expect([parseSeconds('1h 5s'), parseSeconds('90'), parseSeconds('soon'), parseSeconds('5 parsecs')]).toEqual([
      3605,
      90,
      undefined,
      undefined,
    ])
  })
})

test('time: the service that runs, and its word for whether the clock is right', async () => {
  const running = (name: string) => async () => (program: string) => program === name
  put('run/systemd/timesync/synchronized', '')
  expect(await findingOf(linuxTimeSync(root, running('systemd-timesyncd')), 9000)).toMatchObject({
    data: { synchronized: true, service: 'systemd-timesyncd', running: true },
  })
  expect((await findingOf(linuxTimeSync(root, running('nothing')), 9000)).data).toMatchObject({
    service: null,
    running: false,
  })
  expect(parseTracking('Reference ID    : C0000201\nLeap status     : Normal\n')).toBe(true)
  expect(parseTracking('Reference ID    : 00000000 ()\nLeap status     : Not synchronised\n')).toBe(false)
  expect(parseTracking('Reference ID    : 7F7F0101 ()\nStratum         : 8\nLeap status     : Normal\n')).toBe(false)
  expect(parseTracking('506 Cannot talk to daemon')).toBeNull()
})

test('a restart: nothing to tell by is unsupported, and each reason has its name', async () => {
  const read = () => findingOf(linuxRebootPending(root), 5000)
  expect(await read()).toMatchObject({ status: 'unsupported' })
  put(`boot/vmlinuz-${release()}`, '')
  expect(await read()).toMatchObject({ status: 'ok', data: { pending: false, reasons: [] } })
  put(`boot/vmlinuz-99.${release()}`, '')
  put('run/reboot-required', '*** System restart required ***')
  put('run/reboot-required.pkgs', 'libc6\nlinux-base\nlibc6\n')
  expect((await read()).data).toEqual({
    pending: true,
    reasons: ['package libc6', 'package linux-base', `kernel 99.${release()} is installed, ${release()} runs`],
  })
})

test('the end of support is what the system says, and nothing where it says nothing', async () => {
  const read = () => findingOf(linuxEndOfLife(root), 5000)
  put('etc/os-release', 'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
  expect(await read()).toMatchObject({ status: 'unsupported' })
  put(
    'usr/share/distro-info/debian.csv',
    'version,codename,series,created,release,eol,eol-lts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11,2028-06-30\n14,Forky,forky,2025-08-09\n',
  )
  expect(await read()).toMatchObject({
    detail: 'lts support until 2028-06-30',
    data: { supportedUntil: '2026-07-11', product: 'Debian GNU/Linux 12 (bookworm)' },
  })
  put('etc/os-release', 'ID=fedora\nSUPPORT_END=2027-05-13\nPRETTY_NAME="Fedora Linux 44"\n')
  expect((await read()).data).toEqual({ supportedUntil: '2027-05-13', product: 'Fedora Linux 44' })
  put('etc/os-release', 'ID=../../secret\nVERSION_CODENAME=x\n')
  expect(await read()).toMatchObject({ status: 'unsupported' })
  expect(parseRelease('version,codename,series,created,release,eol\n14,Forky,forky,2025-08-09', 'forky')).toEqual({
    end: undefined,
    longer: undefined,
  })
})

/** In a network namespace of its own: the real tools, the real kernel, none of the machine's rules. */
describe.runIf(isRoot)('the firewall by the rules in the kernel', () => {
  function firewallAfter(...commands: string[]) {
    const script = `import { linuxFirewall } from ${JSON.stringify(join(import.meta.dirname, 'posture/linux-firewall.ts'))}
      import { findingOf } from ${JSON.stringify(join(import.meta.dirname, 'posture/finding.ts'))}
      console.log(JSON.stringify(await findingOf(linuxFirewall(${JSON.stringify(root)}), 20_000)))`
    const shell = [...commands, 'exec "$1" --input-type=module -e "$2"'].join(' && ')
    const output = execFileSync('unshare', ['-n', 'sh', '-c', shell, 'sh', process.execPath, script])
    const finding = postureData.shape.firewall.parse(JSON.parse(output.toString()))
    expect(finding.status).toBe('ok')
    return { ...finding.data, detail: finding.detail }
  }
  const base = (family: string, policy: string) =>
    `nft add table ${family} f && nft 'add chain ${family} f in { type filter hook input priority 0; policy ${policy}; }'`

  test('no rules: installed, and off', () => {
    expect(firewallAfter('true')).toMatchObject({ installed: true, enabled: false, defaultDenyInbound: null })
  })

  test('nftables that drops what nothing lets in', () => {
    expect(
      firewallAfter(
        base('inet', 'drop'),
        'nft add rule inet f in iif lo accept',
        'nft add rule inet f in tcp dport 22 accept',
      ),
    ).toMatchObject({ product: 'nftables', enabled: true, defaultDenyInbound: true })
  })

  test('rules that let everything in at the end do not deny', () => {
    expect(firewallAfter(base('inet', 'accept'), 'nft add rule inet f in tcp dport 23 drop')).toMatchObject({
      enabled: true,
      defaultDenyInbound: false,
    })
    expect(firewallAfter(base('inet', 'drop'), 'nft add rule inet f in counter accept')).toMatchObject({
      enabled: true,
      defaultDenyInbound: false,
    })
  })

  test('a rejecting last rule in another chain denies', () => {
    expect(
      firewallAfter(
        base('inet', 'accept'),
        'nft add chain inet f rest',
        'nft add rule inet f in ct state established accept',
        'nft add rule inet f in jump rest',
        'nft add rule inet f rest log prefix x',
        'nft add rule inet f rest reject',
      ),
    ).toMatchObject({ enabled: true, defaultDenyInbound: true })
  })

  test('an open IPv6 beside a closed IPv4 is told', () => {
    expect(firewallAfter('ip link set lo up', base('ip', 'drop'))).toMatchObject({
      enabled: true,
      defaultDenyInbound: false,
      detail: 'inbound is denied by default over IPv4 and not over IPv6',
    })
  })

  test('iptables with ufw', () => {
    put('etc/ufw/ufw.conf', 'ENABLED=yes\n')
    const both = (rest: string) => `iptables ${rest} && ip6tables ${rest}`
    expect(firewallAfter(both('-P INPUT DROP'), both('-A INPUT -i lo -j ACCEPT'))).toMatchObject({
      product: 'ufw',
      enabled: true,
      defaultDenyInbound: true,
    })
  })
})
