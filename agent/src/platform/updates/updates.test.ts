import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { recorded } from '../../../test/recorded.ts'
import { apt, parseAptSimulation } from './apt.ts'
import { complete, parseAdvisories, parseCheckUpdate } from './dnf.ts'
import { parsePacmanUpdates } from './pacman.ts'
import { parseZypperUpdates } from './zypper.ts'

test('pending updates are those of apt list --upgradable', { timeout: 120_000 }, async () => {
  if (!readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'))) {
    // Nothing known is not nothing pending.
    await expect(apt.read()).rejects.toThrow('The package lists were never fetched')
    return
  }
  // Somebody may install something in between.
  await vi.waitFor(
    async () => {
      const env = { ...process.env, LC_ALL: 'C' }
      const listed = execFileSync('apt', ['list', '--upgradable'], { encoding: 'utf8', env, stdio: 'pipe' })
      const pattern = /^([^/\n]+)\/\S+ (\S+) (\S+) \[upgradable from: (\S+)\]$/gm
      const expected = [...listed.matchAll(pattern)].map(([, name, available, architecture, installed]) =>
        [name, installed, available, architecture].join(' '),
      )
      const found = await apt.read()
      expect(
        found.updates
          .map(({ name, installed, available, architecture }) => [name, installed, available, architecture].join(' '))
          .sort(),
      ).toEqual(expected.sort())
      expect(found.listsUpdatedAt).not.toBeNull()
    },
    { timeout: 100_000, interval: 500 },
  )
})

test('apt: security comes from the origin, new packages are no updates', () => {
  const found = parseAptSimulation(recorded('linux/apt-simulate.txt'))
  expect(
    found.map(({ name, installed, available, architecture, security }) => [
      name,
      installed,
      available,
      architecture,
      security,
    ]),
  ).toEqual([
    ['libc6', '2.36-9+deb12u8', '2.36-9+deb12u9', 'i386', false],
    ['linux-image-amd64', '6.1.119-1', '6.1.124-1', 'amd64', true],
    ['openssl', '3.0.2-0ubuntu1.18', '3.0.2-0ubuntu1.19', 'amd64', true],
    ['local-tool', '1.0', '1.1', 'all', null],
    ['grafana', '10.0.1', '10.0.2', 'amd64', false],
  ])
  expect(found.at(-1)?.origin).toBe('. stable:stable')
})

test('dnf: broken lines are joined, what would be obsoleted is no update', () => {
  expect(parseCheckUpdate(recorded('linux/dnf-check-update.txt'))).toEqual([
    { name: 'bash', architecture: 'x86_64', version: '5.2.26-4.fc40', repository: 'updates' },
    { name: 'kernel-core', architecture: 'x86_64', version: '6.8.12-300.fc40', repository: 'updates' },
    {
      name: 'a-package-with-quite-a-long-name-that-fills-the-column',
      architecture: 'noarch',
      version: '2:1.2.3-4.fc40',
      repository: 'copr:copr.fedorainfracloud.org:someone:project',
    },
  ])
})

test('dnf: the worst advisory counts, in the words of dnf 4 and dnf 5', () => {
  expect([...parseAdvisories(recorded('linux/dnf4-updateinfo.txt'))]).toEqual([['kernel-core.x86_64', 'important']])
  expect([...parseAdvisories(recorded('linux/dnf5-updateinfo.txt'))]).toEqual([
    ['kernel-core.x86_64', 'important'],
    ['bash.x86_64', 'low'],
  ])
})

test('dnf: without advisories nothing is said about security', () => {
  const bash = { name: 'bash', architecture: 'x86_64', version: '5.2-4', repository: 'updates' }
  const installed = new Map([['bash.x86_64', '5.2-3']])
  expect(complete(bash, installed, undefined)).toMatchObject({ installed: '5.2-3', available: '5.2-4', security: null })
  expect(complete(bash, installed, new Map())).toMatchObject({ security: false })
  expect(complete(bash, new Map(), new Map([['bash.x86_64', 'low' as const]]))).toMatchObject({
    installed: null,
    security: true,
    severity: 'low',
  })
})

test('pacman: name, installed and available, held ones too', () => {
  expect(
    parsePacmanUpdates(recorded('linux/pacman-qu.txt')).map((found) => [found.name, found.installed, found.available]),
  ).toEqual([
    ['linux', '6.8.7.arch1-1', '6.8.8.arch1-1'],
    ['mesa', '1:24.0.5-1', '1:24.0.6-2'],
    ['held-back', '1.0-1', '1.1-1'],
  ])
})

test('zypper: attributes are unescaped, and an old edition may be missing', () => {
  expect(parseZypperUpdates(recorded('linux/zypper-list-updates.xml'))).toEqual([
    {
      name: 'bash',
      installed: '4.4-150400.25.22',
      available: '4.4-150400.27.1',
      architecture: 'x86_64',
      origin: 'repo-sle-update',
      security: null,
    },
    { name: 'old&new', installed: null, available: '2-1', architecture: 'noarch', origin: 'local', security: null },
  ])
})
