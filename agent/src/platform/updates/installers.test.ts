import { describe, expect, test } from 'vitest'
import { parseInstallation } from '../windows/install-updates.ts'
import { aptReason, isInterrupted, isLocked, packageReasons } from './apt-reasons.ts'
import { dnfReason, dnfReasons, standingsOf as dnfStandings } from './dnf-install.ts'
import { packageInstaller } from './install-packages.ts'
import type { Attempt, PackageBackend, Standing, Target } from './installer.ts'
import { pacmanReason, standingsOf as pacmanStandings, unasked } from './pacman-install.ts'

describe('what apt says', () => {
  test.each([
    [
      "E: You don't have enough free space in /var/cache/apt/archives/.",
      "You don't have enough free space in /var/cache/apt/archives/.",
    ],
    [
      'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
      'Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt)',
    ],
    ['E: Packages need to be removed but remove is disabled.', 'Packages need to be removed but remove is disabled.'],
    [
      'Errors were encountered while processing:\n a\nE: Sub-process /usr/bin/dpkg returned an error code (1)',
      'Sub-process /usr/bin/dpkg returned an error code (1)',
    ],
    ['', 'apt failed without a word'],
  ])('%j', (text, reason) => expect(aptReason(text)).toBe(reason))

  test('is told apart: locked, interrupted', () => {
    expect(isLocked('E: Unable to lock directory /var/cache/apt/archives/')).toBe(true)
    expect(
      isInterrupted("E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem."),
    ).toBe(true)
    expect(isLocked('E: Unable to correct problems')).toBe(false)
  })

  test('of one package: its dependencies, its archive, its download', () => {
    const reasons = packageReasons(`The following packages have unmet dependencies:
 one : Depends: lib (>= 2) but 1 is to be installed
       Breaks: other (< 3) but 2 is to be installed
 two:i386 : Depends: gone but it is not installable
E: Failed to fetch http://deb.example/pool/three_2_amd64.deb  Could not connect to deb.example:80
Unpacking four (2) over (1) ...
dpkg: error processing archive /var/cache/apt/archives/four_2_amd64.deb (--unpack):
 cannot copy extracted data for './usr/bin/four': No space left on device
`)
    expect(Object.fromEntries(reasons)).toEqual({
      one: 'unmet dependencies: Depends: lib (>= 2) but 1 is to be installed; Breaks: other (< 3) but 2 is to be installed',
      two: 'unmet dependencies: Depends: gone but it is not installable',
      three: 'could not be fetched: Could not connect to deb.example:80',
      four: "cannot copy extracted data for './usr/bin/four': No space left on device",
    })
  })
})

/** As their manuals and sources print it. None of these was run. */
describe('what dnf and pacman say', () => {
  test('dnf: how packages stand, and why one could not be upgraded', () => {
    const standings = dnfStandings(
      'openssl-libs\t1:3.0.7-27.el9\nbash\t5.1.8-9.el9\npackage nonsense is not installed\n',
      'openssl-libs.x86_64   1:3.0.7-28.el9_4   baseos\n',
    )
    expect(standings.get('openssl-libs')).toMatchObject({ installed: '1:3.0.7-27.el9', candidate: '1:3.0.7-28.el9_4' })
    expect(standings.get('bash')).toMatchObject({ candidate: '5.1.8-9.el9', versions: ['5.1.8-9.el9'] })
    expect(standings.size).toBe(2)
    const text = `Error:
 Problem: cannot install the best update candidate for package foo-1-1.el9.x86_64
  - nothing provides bar >= 2 needed by foo-2-1.el9.x86_64 from updates
`
    expect(dnfReasons(text, [{ name: 'foo' }, { name: 'fo' }])).toEqual(
      new Map([['foo', 'nothing provides bar >= 2 needed by foo-2-1.el9.x86_64 from updates']]),
    )
    expect(dnfReason(text)).toMatch(/^cannot install the best update candidate/)
    expect(
      dnfReason(
        'Error Summary\n-------------\nDisk Requirements:\n   At least 12MB more space needed on the / filesystem.\n',
      ),
    ).toBe('At least 12MB more space needed on the / filesystem.')
    expect(dnfReason("Error: Failed to download metadata for repo 'updates': Cannot download repomd.xml")).toMatch(
      /^Failed to download/,
    )
  })

  test('pacman: all or nothing, what is held, and why not', () => {
    const pending = 'curl 8.1-1 -> 8.2-1\nlinux 6.8-1 -> 6.9-1 [ignored]\n'
    expect(unasked([{ name: 'curl' }], pending)).toBe(0)
    expect(unasked([{ name: 'linux' }], pending)).toBe(1)
    const standings = pacmanStandings('curl 8.1-1\nlinux 6.8-1\n', pending)
    expect(standings.get('linux')).toMatchObject({ candidate: '6.9-1', held: true })
    expect(standings.get('curl')).toMatchObject({ installed: '8.1-1', candidate: '8.2-1', held: false })
    expect(
      pacmanReason(
        'error: failed to commit transaction (conflicting files)\ncurl: /usr/bin/curl exists in filesystem\nErrors occurred, no packages were upgraded.\n',
      ),
    ).toBe('failed to commit transaction (conflicting files); curl: /usr/bin/curl exists in filesystem')
  })
})

test('what Windows Update answered becomes one result each, and its word alone is not believed', () => {
  const wanted = ['A', 'B', 'C', 'D', 'E'].map((name) => ({ name, version: null }))
  const results = parseInstallation(wanted, {
    Results: [
      { Name: 'A', Step: 'install', Id: 'a.1', Result: 2, Reboot: false, Code: '0x00000000' },
      { Name: 'B', Step: 'install', Id: 'b.1', Result: 2, Reboot: false, Code: '0x00000000' },
      { Name: 'C', Step: 'install', Id: 'c.1', Result: 4, Reboot: false, Code: '0x80070643' },
      { Name: 'D', Step: 'absent' },
      { Name: 'E', Step: 'absent' },
    ],
    Left: ['b.1', 'c.1'],
    Installed: ['a.1'],
    InstalledTitles: ['A', 'D'],
  })
  expect(results.map(({ state, reason }) => [state, reason])).toEqual([
    ['installed', undefined],
    ['failed', 'Windows reported success, and it is still pending'],
    ['failed', '0x80070643: it could not be installed'],
    ['already_installed', undefined],
    ['not_available', 'no such update is offered'],
  ])
})

describe('a batch that is refused as a whole', () => {
  test('is tried one by one, and after a cancel nothing more is begun', async () => {
    const state = new Map(['a', 'b', 'c'].map((name) => [name, '1']))
    const cancel = new AbortController()
    const attempts: string[][] = []
    const standing = (version: string): Standing => {
      return { installed: version, complete: true, candidate: '2', versions: ['1', '2'], held: false }
    }
    const backend: PackageBackend = {
      manager: 'apt',
      present: async () => true,
      refresh: async () => undefined,
      isValid: () => true,
      isAtLeast: async (version, other) => version >= other,
      survey: async (names) => new Map(names.map((name) => [name, standing(state.get(name) ?? '')])),
      async upgrade(targets: readonly Target[]): Promise<Attempt> {
        attempts.push(targets.map(({ name }) => name))
        const [only] = targets
        if (targets.length > 1 || !only) return { reasons: new Map(), reason: 'the whole of it is refused' }
        if (only.name === 'b') cancel.abort('cancelled')
        state.set(only.name, '2')
        return { reasons: new Map(), reason: undefined }
      },
    }
    const wanted = [...state.keys()].map((name) => ({ name, version: '2' }))
    const work = { deadline: performance.now() + 60_000, signal: cancel.signal, folder: '/nonexistent' }
    const results = await packageInstaller(backend).install(wanted, work)
    expect(attempts).toEqual([['a', 'b', 'c'], ['a'], ['b']])
    expect(results.map(({ name, state }) => [name, state])).toEqual([
      ['a', 'installed'],
      ['b', 'installed'],
      ['c', 'not_attempted'],
    ])
  })
})
