import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../cli/run-cli.ts'
import { section } from '../patches/reports.ts'
import { osvRecord, trackerExport, zipOf } from './exports.ts'
import {
  fixed,
  libc,
  none,
  OPEN,
  type Package,
  vulnerabilityWorld,
  type VulnerabilityWorld,
} from './vulnerability-world.ts'

let w: VulnerabilityWorld
beforeAll(async () => {
  w = await vulnerabilityWorld()
})
afterAll(() => w.world.stop())
beforeEach(() => w.empty())

describe('a device', () => {
  it('is compared by source package and version, each vulnerability counted once', async () => {
    await w.imported(
      'tracker.json',
      trackerExport({
        glibc: { 'CVE-2024-1': { bookworm: fixed('2.36-10', 'high') }, 'CVE-2024-2': { bookworm: fixed('2.36-9') } },
        'gcc-defaults': { 'CVE-2024-3': { bookworm: { ...OPEN, urgency: 'low' } } },
        curl: { 'CVE-2024-1': { bookworm: fixed('7.88.1-11', 'medium') }, 'CVE-2024-9': { trixie: OPEN } },
      }),
    )
    const id = await w.device([
      libc,
      { name: 'libc-bin', version: '2.36-9', from: 'glibc' },
      { name: 'g++', version: '4:12.2.0-3', from: 'gcc-defaults', fromVersion: '1.203' },
      { name: 'curl', version: '7.88.1-10' },
      { name: 'vim', version: '9' },
    ])
    expect(await w.assessed(id)).toEqual({
      counts: { ...none, high: 1, low: 1 },
      reason: null,
      fixable: 1,
      rows: [
        'CVE-2024-1 glibc 2.36-9 < 2.36-10',
        'CVE-2024-1 curl 7.88.1-10 < 7.88.1-11',
        'CVE-2024-3 gcc-defaults 1.203 < null',
      ],
    })
    await w.installed(id, [
      { ...libc, version: '2.36-10' },
      { name: 'curl', version: '7.88.1-11' },
    ])
    expect(await w.assessed(id)).toMatchObject({ counts: none, rows: [] })
  })

  it('that has a serious one which an update repairs is an alert, until it is repaired', async () => {
    await w.imported('tracker.json', trackerExport({ glibc: { 'CVE-2024-1': { bookworm: fixed('2.36-10', 'high') } } }))
    const id = await w.device([libc], { name: 'nw-alert' })
    await w.world.sql(`update devices set status = 'online' where id = $1`, [id])
    await w.assessed(id)
    const alerts = async () => {
      await w.world.server.alertEngine.tick()
      return w.world.sql(`select status, title from alerts where device_id = $1 and signal = 'vulnerability'`, [id])
    }
    const title = '1 known vulnerability that an update repairs, the worst high'
    expect(await alerts()).toEqual([{ status: 'open', title }])
    await w.installed(id, [{ ...libc, version: '2.36-10' }])
    await w.assessed(id)
    await alerts()
    expect(await alerts()).toEqual([{ status: 'resolved', title }])
  })

  it('has only the kernel that it runs', async () => {
    await w.imported(
      'tracker.json',
      trackerExport({ linux: { 'CVE-2024-1': { bookworm: fixed('6.1.112-1') } }, glibc: {} }),
    )
    const kernel = (name: string, version: string): Package => ({
      name,
      version,
      from: 'linux-signed-amd64',
      fromVersion: `${version.slice(0, -2)}+1`,
    })
    const packages = [
      libc,
      kernel('linux-image-6.1.0-20-amd64', '6.1.85-1'),
      kernel('linux-image-6.1.0-27-amd64', '6.1.115-1'),
      { name: 'linux-libc-dev', version: '6.1.85-1', from: 'linux' },
      { name: 'linux-headers-6.1.0-20-amd64', version: '6.1.85-1', from: 'linux' },
      { name: 'linux-perf', version: '6.1.85-1', from: 'linux' },
    ]
    const id = await w.device(packages)
    expect(await w.assessed(id)).toMatchObject({ counts: none })
    const older = await w.device(packages, { name: 'nw-2', kernel: '6.1.0-20-amd64' })
    expect((await w.assessed(older)).rows).toEqual(['CVE-2024-1 linux 6.1.85-1 < 6.1.112-1'])
  })

  it('that was not really looked at has no number, and says why', async () => {
    const covered = await w.device([libc])
    const ubuntu = await w.device([libc], { name: 'ubuntu', os: ['Ubuntu', '24.04'] })
    expect(await w.assessed(covered)).toEqual({ counts: null, reason: 'not_covered', fixable: null, rows: [] })
    await w.imported('tracker.json', trackerExport({ glibc: { 'CVE-2024-2': { bookworm: fixed('2.36-9') } } }))
    expect(await w.assessed(covered)).toMatchObject({ counts: none, reason: null })
    expect(await w.assessed(ubuntu)).toMatchObject({ counts: null, reason: 'not_covered' })
    const others = {
      older: await w.device([libc], { name: 'older', os: ['Debian GNU/Linux', '11.11'] }),
      arch: await w.device([libc], { name: 'arch', os: ['Arch Linux', 'rolling'] }),
      sourceless: await w.device([{ name: 'vim', version: '9' }], { name: 'sourceless' }),
      unread: await w.device([libc], { name: 'unread' }),
    }
    await section(w.world, others.unread, 'software', null, { status: 'error' })
    const reasons = await Promise.all(
      Object.entries(others).map(async ([name, id]) => [name, (await w.assessed(id)).reason]),
    )
    expect(Object.fromEntries(reasons)).toEqual({
      older: 'not_covered',
      arch: 'system_unknown',
      sourceless: 'sources_unknown',
      unread: 'not_readable',
    })
    expect(
      (await w.world.sql('select 1 from device_vulnerability_state where not assessed and critical is not null'))
        .length,
    ).toBe(0)
  })

  it('keeps since when something is known, and no more rows than a page or two', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 260 }, (_, index) => [`CVE-2024-${1000 + index}`, { bookworm: OPEN }]),
    )
    const worst = { 'CVE-2023-1': { bookworm: fixed('2.40', 'high') } }
    await w.imported('tracker.json', trackerExport({ glibc: { ...many, ...worst } }))
    const id = await w.device([libc])
    const first = await w.assessed(id)
    expect([first.counts, first.rows.length, first.rows[0]]).toEqual([
      { ...none, high: 1, unrated: 260 },
      200,
      'CVE-2023-1 glibc 2.36-9 < 2.40',
    ])
    const since = 'select first_seen_at from device_vulnerabilities where vulnerability = $1'
    const [before] = await w.world.sql<{ first_seen_at: Date }>(since, ['CVE-2023-1'])
    await w.installed(id, [{ ...libc, version: '2.36-10' }])
    expect((await w.assessed(id)).rows[0]).toBe('CVE-2023-1 glibc 2.36-10 < 2.40')
    expect(await w.world.sql(since, ['CVE-2023-1'])).toEqual([before])
  })
})

it('stands in the details of a device, with how old what it was compared with is', async () => {
  await w.imported('tracker.json', trackerExport({ glibc: { 'CVE-2024-1': { bookworm: fixed('2.36-10', 'high') } } }))
  await w.device([libc])
  await w.world.server.services.vulnerabilities.catchUp()
  const { data, text } = await w.call(w.admin, 'get_device_details', {
    device: 'nw-1',
    sections: ['vulnerabilities', 'lifecycle'],
  })
  expect(data).toMatchObject({
    sections: [
      {
        name: 'vulnerabilities',
        status: 'ok',
        data: {
          counts: { ...none, high: 1 },
          system: 'Debian 12',
          fixable: 1,
          found: [
            {
              vulnerability: 'CVE-2024-1',
              package: 'glibc',
              severity: 'high',
              version: '2.36-9',
              fixed_version: '2.36-10',
            },
          ],
        },
      },
      { name: 'lifecycle', data: { release: 'Debian 12 (bookworm)' } },
    ],
  })
  expect(text).toContain(
    'Vulnerabilities: 0 critical, 1 high, 0 medium, 0 low, 0 unrated; updates repair 1. Packages of Debian 12, by data of ',
  )
  expect(text).toContain('Support: Debian 12 (bookworm), ')
})

describe('an export', () => {
  it('of OSV is taken as the archive that it is, records of single vulnerabilities first', async () => {
    const id = await w.device([libc], { os: ['Ubuntu', '24.04'] })
    const place = ['Ubuntu:24.04:LTS', 'glibc'] as const
    const data = await w.imported(
      'all.zip',
      zipOf({
        'USN-1-1.json': JSON.stringify(
          osvRecord('USN-1-1', ...place, [{ introduced: '0' }], { upstream: ['CVE-2024-1'] }),
        ),
        'UBUNTU-CVE-2024-1.json': JSON.stringify(
          osvRecord('UBUNTU-CVE-2024-1', ...place, [{ introduced: '0' }, { fixed: '2.37' }], {
            severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
          }),
        ),
      }),
    )
    expect(data).toMatchObject({
      state: 'imported',
      imports: [{ ecosystem: 'Ubuntu', releases: ['24.04'], advisories: 1 }],
    })
    expect(await w.assessed(id)).toMatchObject({
      counts: { ...none, critical: 1 },
      rows: ['CVE-2024-1 glibc 2.36-9 < 2.37'],
    })
    const { data: listed, text } = await w.call(w.admin, 'list_vulnerability_imports', {})
    expect(listed).toMatchObject({
      total: 1,
      running: null,
      imports: [{ ecosystem: 'Ubuntu', format: 'osv', file: 'all.zip', published_at: '2026-03-04T05:06:07.000Z' }],
    })
    expect(text).toContain('Ubuntu 24.04: 1 entries')
  })

  it('replaces the former one of its distribution, and leaves that of another', async () => {
    const id = await w.device([libc])
    await w.imported('a.json', trackerExport({ glibc: { 'CVE-2024-1': { bookworm: OPEN } } }))
    await w.imported(
      'b.json',
      JSON.stringify([osvRecord('UBUNTU-CVE-2024-5', 'Ubuntu:22.04:LTS', 'glibc', [{ introduced: '0' }])]),
    )
    expect((await w.assessed(id)).rows).toEqual(['CVE-2024-1 glibc 2.36-9 < null'])
    await w.imported('c.json', trackerExport({ glibc: { 'CVE-2024-2': { bookworm: fixed('3') } } }))
    expect((await w.assessed(id)).rows).toEqual(['CVE-2024-2 glibc 2.36-9 < 3'])
    const rows = await w.world.sql<{ ecosystem: string; state: string }>(
      'select ecosystem, state from vulnerability_imports order by 1',
    )
    expect(rows).toEqual([
      { ecosystem: 'Debian', state: 'current' },
      { ecosystem: 'Ubuntu', state: 'current' },
    ])
  })

  it('that can not be read changes nothing', async () => {
    const id = await w.device([libc])
    const whole = trackerExport({ glibc: { 'CVE-2024-1': { bookworm: OPEN } } })
    await w.imported('whole.json', whole)
    await w.put(
      'cut.json',
      trackerExport({
        glibc: Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`CVE-2025-${n}`, { bookworm: OPEN }])),
      }).slice(0, -20),
    )
    await w.put('empty.json', trackerExport({ vim: {} }))
    await w.put(
      'record.json',
      JSON.stringify(osvRecord('DEBIAN-CVE-2024-1', 'Debian:12', 'glibc', [{ introduced: '0' }])),
    )
    await w.put('text.txt', 'no export')
    await w.put('burst.zip', zipOf({ 'a.json': '0'.repeat(100_000) }, { sizeTold: 10 }))
    for (const file of ['cut.json', 'empty.json', 'record.json', 'text.txt', 'burst.zip'])
      expect([file, (await w.call(w.admin, 'import_vulnerabilities', { file })).code]).toEqual([file, 'invalid_input'])
    expect(await w.world.sql('select distinct vulnerability from vulnerability_advisories')).toEqual([
      { vulnerability: 'CVE-2024-1' },
    ])
    expect((await w.assessed(id)).counts).toEqual({ ...none, unrated: 1 })
    expect((await w.call(w.admin, 'list_vulnerability_imports', {})).data).toMatchObject({
      last_failure: { file: 'burst.zip' },
    })
  })
})

describe('refuses', () => {
  it('what is not a plain file of the import folder', async () => {
    await mkdir(join(w.world.dataDir, 'import', 'folder'), { recursive: true })
    await symlink('/etc/passwd', join(w.world.dataDir, 'import', 'link.json'))
    for (const tool of ['import_vulnerabilities', 'import_lifecycle'])
      for (const file of ['none.json', '../operator.token', '/etc/passwd', 'folder', 'link.json', '.hidden', 'a/b'])
        expect([tool, file, (await w.call(w.admin, tool, { file })).code]).toEqual([tool, file, 'invalid_input'])
  })

  it('people of one organization, roles without the permission, and read-only scopes', async () => {
    await w.put('tracker.json', trackerExport({ glibc: { 'CVE-2024-1': { bookworm: OPEN } } }))
    const code = async (user: string, scopes: string[], organizations?: string[]) =>
      (
        await w.call(
          await w.world.caller(await w.world.key(user, scopes, organizations ? { organizations } : {})),
          'import_vulnerabilities',
          { file: 'tracker.json' },
        )
      ).code
    expect(await code(await w.world.user('organization_admin', w.home.id), ['ai:write'], [w.home.id])).toBe(
      'unknown_tool',
    )
    const rest = async (user: string, scopes: string[], organizations?: string[]) => {
      const caller = await w.world.caller(
        await w.world.key(user, scopes, organizations ? { organizations } : {}),
        'rest',
      )
      return (await w.call(caller, 'import_vulnerabilities', { file: 'tracker.json' })).code
    }
    expect(await rest(await w.world.user('organization_admin', w.home.id), ['ai:write'], [w.home.id])).toBe('forbidden')
    expect(await rest(await w.world.user('partner_viewer'), ['ai:write'])).toBe('forbidden')
    expect(await rest(await w.world.user('partner_admin'), ['ai:read'])).toBe('insufficient_scope')
    expect(await rest(await w.world.user('partner_admin'), ['ai:write'])).toBe('done')
  })
})

describe('breeze import', () => {
  const cli = (...args: string[]) => runCli(['import', ...args], { env: { BREEZE_DATA_DIR: w.world.dataDir } })

  it('brings a file into the folder and waits until it counts', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'breeze-import-'))
    const file = join(folder, 'tracker.json')
    await writeFile(file, trackerExport({ glibc: { 'CVE-2024-1': { bookworm: OPEN, trixie: OPEN } } }))
    await utimes(file, new Date(), new Date('2026-02-03T00:00:00Z'))
    const done = await cli('vulnerabilities', file, '--json')
    expect([done.code, JSON.parse(done.stdout)]).toEqual([
      0,
      { imports: [{ ecosystem: 'Debian', releases: ['12', '13'], advisories: 2 }] },
    ])
    expect((await w.call(w.admin, 'list_vulnerability_imports', {})).data).toMatchObject({
      imports: [{ published_at: '2026-02-03T00:00:00.000Z' }],
    })
    const again = await cli('vulnerabilities', join(w.world.dataDir, 'import', 'tracker.json'))
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('2 entries for Debian 12, 13')])
    await writeFile(file, '{}')
    const bad = await cli('lifecycle', file)
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('not an answer of endoflife.date')])
    expect((await cli('lifecycle', join(folder, 'none.json'))).code).toBe(2)
    await rm(folder, { recursive: true })
  })
})

describe('ends of support', () => {
  it('follow what is imported, before what is shipped', async () => {
    const debian = { family: 'linux', name: 'Debian GNU/Linux', version: '12.8' } as const
    const { lifecycle } = w.world.server.services
    expect(lifecycle.of(debian)).toMatchObject({
      release: 'Debian 12 (bookworm)',
      supportedUntil: '2026-06-10',
      source: 'shipped with Breeze',
    })
    expect(lifecycle.of({ ...debian, version: '9.13' })).toMatchObject({ state: 'ended' })
    expect(lifecycle.of({ ...debian, version: '99.1' })).toMatchObject({ state: 'unknown', supportedUntil: null })
    expect(lifecycle.of({ family: 'macos', name: 'macOS', version: '26.1' })).toMatchObject({
      state: 'unknown',
      release: 'macOS 26 (Tahoe)',
    })
    const release = { name: '12', label: '12 (Bookworm)', isEol: false, eolFrom: '2099-01-02', eoesFrom: null }
    await w.put(
      'debian.json',
      JSON.stringify({ schema_version: '1.2.0', result: { name: 'debian', releases: [release] } }),
    )
    const { data } = await w.call(w.admin, 'import_lifecycle', { file: 'debian.json' })
    expect(data).toEqual({ products: ['debian'], releases: 1, audit_entry: expect.anything() })
    expect(lifecycle.of(debian)).toMatchObject({
      state: 'supported',
      supportedUntil: '2099-01-02',
      source: 'imported from debian.json',
    })
    // What the file says nothing of is as it was.
    expect(lifecycle.of({ ...debian, version: '9.13' })).toMatchObject({
      state: 'ended',
      source: 'shipped with Breeze',
    })
  })
})
