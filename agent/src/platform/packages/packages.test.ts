import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { recorded } from '../../../test/recorded.ts'
import { dpkg } from './dpkg.ts'
import { parseFlatpak } from './flatpak.ts'
import { pacman } from './pacman.ts'
import { parseRpm } from './rpm.ts'
import { snap } from './snap.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-packages-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Another test may install something in between. */
const agree = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 200 })

test('dpkg packages are those of dpkg-query, line by line', () =>
  agree(async () => {
    const format =
      '${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${db:Status-Status}\n'
    const lines = execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8' }).trim().split('\n')
    const expected = lines
      .filter((line) => line.endsWith('\tinstalled'))
      .map((line) => line.replace(/\tinstalled$/, ''))
    const found = await dpkg().read()
    const shown = found.map(({ name, version, architecture, sourcePackage = name, sourceVersion = version }) =>
      [name, version, architecture, sourcePackage, sourceVersion].join('\t'),
    )
    expect(shown.sort()).toEqual(expected.sort())
    for (const { name, installedAt } of found) expect(installedAt, name).toBeDefined()
  }))

test('every line of dpkg -l that says installed is there', () =>
  agree(async () => {
    const env = { ...process.env, COLUMNS: '500' }
    const lines = execFileSync('dpkg', ['-l'], { encoding: 'utf8', env }).split('\n')
    const expected = lines.flatMap((line) => {
      const [state, name = '', version, architecture] = line.split(/\s+/)
      return /^[a-z]i$/.test(state ?? '') ? [[name.split(':')[0], version, architecture].join(' ')] : []
    })
    const found = await dpkg().read()
    expect(found.map((item) => `${item.name} ${item.version} ${item.architecture}`).sort()).toEqual(expected.sort())
  }))

test('held packages count, removed and half-installed ones do not', async () => {
  const stanza = (name: string, status: string) =>
    `Package: ${name}\nStatus: ${status}\nArchitecture: all\nVersion: 1:2-3\nDescription: text\n Status: install ok installed\n`
  const states = ['install ok installed', 'hold ok installed', 'deinstall ok config-files', 'install ok half-installed']
  writeFileSync(join(folder, 'status'), states.map((state, index) => stanza(`p${index}`, state)).join('\n'))
  expect((await dpkg(folder).read()).map(({ name }) => name)).toEqual(['p0', 'p1'])
})

test('rpm output is read with epochs, and keys are no packages', () => {
  const found = parseRpm(recorded('linux/rpm-qa.txt'))
  expect(found.map(({ name, version }) => [name, version])).toEqual([
    ['bash', '5.2.26-3.fc40'],
    ['kernel-core', '6.8.5-301.fc40'],
    ['kernel-core', '6.8.9-300.fc40'],
    ['perl-libs', '4:5.38.2-506.fc40'],
    ['local-tool', '1.0-1'],
  ])
  expect(found[0]).toEqual({
    source: 'rpm',
    name: 'bash',
    version: '5.2.26-3.fc40',
    architecture: 'x86_64',
    publisher: 'Fedora Project',
    installedAt: '2024-04-25T00:00:00.000Z',
    sizeBytes: 8290304,
  })
  expect(found.at(-1)).not.toHaveProperty('publisher')
  expect(found.at(-1)).not.toHaveProperty('sizeBytes')
})

test('pacman packages come from their desc files', async () => {
  mkdirSync(join(folder, 'bash-5.2.026-2'))
  writeFileSync(join(folder, 'bash-5.2.026-2/desc'), recorded('linux/pacman-desc.txt'))
  writeFileSync(join(folder, 'ALPM_DB_VERSION'), '9\n')
  expect(await pacman(folder).read()).toEqual([
    {
      source: 'pacman',
      name: 'bash',
      version: '5.2.026-2',
      architecture: 'x86_64',
      publisher: 'Tobias Powalowski',
      installedAt: '2024-02-06T10:29:51.000Z',
      sizeBytes: 9410518,
    },
  ])
})

test("snaps come over the daemon's socket", async () => {
  const socket = join(folder, 'snapd.socket')
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/v2/snaps' ? 200 : 404
    response.end(recorded('linux/snapd-snaps.json'))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  try {
    expect(await snap(socket).read()).toEqual([
      {
        source: 'snap',
        name: 'core',
        version: '16-2.61.2',
        architecture: '',
        publisher: 'Canonical',
        installedAt: '2024-04-25T08:20:30.123Z',
        sizeBytes: 109043712,
      },
      { source: 'snap', name: 'mine', version: '0.1', architecture: '' },
    ])
  } finally {
    server.close()
  }
})

test('what a removed snapd left behind is no database', async () => {
  const [state, daemon] = [join(folder, 'state.json'), join(folder, 'snapd')]
  writeFileSync(state, '{}')
  expect(await snap('/nonexistent', state, [daemon]).fingerprint()).toBeUndefined()
  writeFileSync(daemon, '')
  expect(await snap('/nonexistent', state, [daemon]).fingerprint()).toBeDefined()
})

test('flatpak runtimes without a version have their branch', () => {
  expect(parseFlatpak(recorded('linux/flatpak-list.txt')).map(({ name, version }) => [name, version])).toEqual([
    ['org.freedesktop.Platform', 'freedesktop-sdk-23.08.16'],
    ['org.gnome.Platform', '45'],
    ['org.gnome.Platform', '46'],
    ['org.mozilla.firefox', '125.0.2'],
  ])
})

test('a fingerprint changes with the file and is none without it', async () => {
  const manager = dpkg(folder)
  expect(await manager.fingerprint()).toBeUndefined()
  writeFileSync(join(folder, 'status'), 'x')
  const before = await manager.fingerprint()
  expect(await manager.fingerprint()).toBe(before)
  writeFileSync(join(folder, 'status.new'), 'y')
  execFileSync('mv', [join(folder, 'status.new'), join(folder, 'status')])
  expect(statSync(join(folder, 'status')).size).toBe(1)
  expect(await manager.fingerprint()).not.toBe(before)
})
