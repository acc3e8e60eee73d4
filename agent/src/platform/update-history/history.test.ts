import { cp, mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { updateHistorySection } from '@breeze/contract/agent-inventory'
import { afterEach, describe, expect, test } from 'vitest'
import { recorded, recordedJson } from '../../../test/recorded.ts'
import { updateHistoryCollector } from '../../collectors/update-history.ts'
import type { LogLine } from '../linux/log-files.ts'
import { parseInstallHistory } from '../macos/update-history.ts'
import { parseWindowsHistory } from '../windows/update-history.ts'
import { reasonsIn } from './apt-sessions.ts'
import { aptHistory, runOf } from './apt.ts'
import { parseTransactionIds, parseTransactions } from './dnf.ts'
import { parsePacmanLog } from './pacman.ts'
import { MOST_RECORDS, newest, type UpdateRecord } from './record.ts'

/** By the time zone of the machine that runs the test, as the records are written. */
const local = (text: string): string => new Date(text).toISOString()
const brief = ({ name, version, outcome }: UpdateRecord): string => `${name} ${version ?? '?'} ${outcome}`

const roots: string[] = []
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true, force: true })
})

/** The records of a machine where apt upgraded twice and dpkg failed both times; in between somebody repaired by hand. */
async function machine(): Promise<{ root: string; logs: string }> {
  const root = await mkdtemp(join(tmpdir(), 'breeze-apt-'))
  roots.push(root)
  const logs = join(root, 'var/log')
  await mkdir(join(logs, 'apt'), { recursive: true })
  const from = join(import.meta.dirname, '../../../test/recorded/linux/apt')
  for (const name of ['history', 'term']) await cp(join(from, `${name}.txt`), join(logs, 'apt', `${name}.log`))
  await cp(join(from, 'dpkg.txt'), join(logs, 'dpkg.log'))
  return { root, logs }
}

describe('apt', () => {
  test('a failure has the reason that dpkg gave, and a repair by hand is an installation', async () => {
    const { root } = await machine()
    const history = await aptHistory(root).read()
    expect(history.map(brief)).toEqual([
      'other 1.1 failed',
      'clash 1.1 failed',
      'needs 1.1 installed',
      'broken 1.1 installed',
      'good 1.1 installed',
      'needs 1.1 failed',
      'broken 1.1 failed',
    ])
    expect(history.map(({ reason }) => reason)).toEqual([
      'Sub-process /usr/bin/dpkg returned an error code (1)',
      "trying to overwrite '/opt/good/v', which is also in package good 1.1",
      undefined,
      undefined,
      undefined,
      'dependency problems - leaving unconfigured',
      'installed broken package post-installation script subprocess returned error exit status 1: the service did not come up: permission denied',
    ])
    const ofBroken = history.filter(({ name }) => name === 'broken').map(({ at }) => at)
    expect(ofBroken).toEqual([local('2026-11-26T02:24:57'), local('2026-11-26T02:24:50')])
    expect(updateHistorySection.shape.data.parse(history)).toEqual(history)
  })

  test('rotated and compressed records count, and without a plain one there is still a record', async () => {
    const { root, logs } = await machine()
    const keeper = aptHistory(root)
    const before = await keeper.fingerprint()
    const text = await readFile(join(logs, 'apt/history.log'))
    await rm(join(logs, 'apt/history.log'))
    await writeFile(join(logs, 'apt/history.log.1.gz'), gzipSync(text))
    expect(await keeper.fingerprint()).not.toBe(before)
    expect(await keeper.read()).toHaveLength(7)
  })

  test('without the record of dpkg only what has a reason failed, and of the rest nothing is said', async () => {
    const { root, logs } = await machine()
    await rm(join(logs, 'dpkg.log'))
    expect((await aptHistory(root).read()).map(brief)).toEqual([
      'clash 1.1 failed',
      'needs 1.1 failed',
      'broken 1.1 failed',
    ])
  })

  test('what only installs is no update, what is at work is not over, and what was killed failed', () => {
    const start = 'Start-Date: 2026-11-26  02:24:49'
    const upgrade = 'Upgrade: libc6:amd64 (2.36-9, 2.36-10), tzdata:all (2024a, 2024b, automatic)'
    const soon = new Date('2026-11-26T02:30:00')
    const later = new Date('2026-11-27T02:30:00')
    expect(runOf(['End-Date: 2026-11-26  02:25:00', 'Install: a:amd64 (1)', start], later)).toBeUndefined()
    expect(runOf([upgrade, start], soon)).toBeUndefined()
    expect(runOf([upgrade, start], later)?.problem).toBe('apt did not come to its end')
    expect(runOf(['End-Date: 2026-11-26  02:25:00', upgrade, start], later)).toMatchObject({
      packages: [
        { name: 'libc6', version: '2.36-10' },
        { name: 'tzdata', version: '2024b' },
      ],
      problem: null,
    })
  })

  test('a script that imitates dpkg and paints the terminal stays a text', () => {
    const lines = [
      'Setting up a:amd64 (1) ...\r',
      '\u001b[31mdpkg: error processing package b (--configure):\u001b[0m\r',
      ' \u001b]0;title\u0007\u001b[2Jinstalled b package\r',
    ]
    expect([...reasonsIn(lines)]).toEqual([['b', expect.stringContaining('installed b package')]])
    expect([...reasonsIn(lines)].join('')).not.toMatch(/\p{Cc}/u)
    expect([
      ...reasonsIn(['dpkg: error processing archive /tmp/apt-dpkg-install-x/07-libx_1_amd64.deb (--unpack):']),
    ]).toEqual([['libx', expect.any(String)]])
  })

  test("this machine's own record is read to its last upgrade", async () => {
    const text = await readFile('/var/log/apt/history.log', 'utf8').catch(() => '')
    const upgrades = text
      .split('\n\n')
      .filter((paragraph) => /^End-Date/m.test(paragraph) && !/^Error/m.test(paragraph))
      .flatMap((paragraph) => /^Upgrade: (.*)$/m.exec(paragraph)?.[1]?.split('), ') ?? [])
      .map((item) => `${item.split(':')[0]} ${item.replace(')', '').split(', ')[1]} installed`)
    const history = text === '' ? [] : await aptHistory().read()
    expect(history.map(brief)).toEqual(expect.arrayContaining(upgrades.slice(-100)))
  })
})

describe('dnf', () => {
  test('lists transactions in the words of dnf 4 and dnf 5', () => {
    expect(parseTransactionIds(recorded('linux/dnf4-history-list.txt'))).toEqual(['7', '6'])
    expect(parseTransactionIds(recorded('linux/dnf5-history-list.txt'))).toEqual(['12', '11'])
  })

  test('dnf 4: upgrades and new kernels, all failed with what the transaction said', () => {
    const records = parseTransactions(recorded('linux/dnf4-history-info.txt'))
    expect(records.map(brief)).toEqual([
      'kernel-core 5.14.0-427.16.1.el9_4 failed',
      'bash 5.1.8-9.el9 failed',
      'openssl-libs 1:3.0.7-27.el9 failed',
    ])
    expect(records[0]).toMatchObject({
      at: local('2024-05-09T03:11:47'),
      reason:
        'Error in POSTIN scriptlet in rpm package kernel-core error: unpacking of archive failed: No space left on device',
    })
  })

  test('dnf 5', () => {
    const records = parseTransactions(recorded('linux/dnf5-history-info.txt'))
    expect(records.map(brief)).toEqual([
      'curl 8.9.1-3.fc41 installed',
      'qemu-img 2:9.1.2-1.fc41 installed',
      'htop 3.3.0-4.fc41 failed',
    ])
    expect(records.map(({ at }) => at)).toEqual([
      local('2025-02-11T06:00:31'),
      local('2025-02-11T06:00:31'),
      local('2025-02-10T20:15:44'),
    ])
    expect(records.at(-1)?.reason).toBe('Error')
  })
})

test('pacman: upgrades, and what went wrong with the package that failed', async () => {
  const lines = recorded('linux/pacman-log.txt').trimEnd().split('\n').toReversed()
  async function* backward(): AsyncGenerator<LogLine> {
    for (const text of lines) yield { text, writtenAt: new Date() }
  }
  const records = await parsePacmanLog(backward())
  expect(records.map(brief)).toEqual(['icu ? failed', 'bash 5.2.026-2 installed', 'filesystem 2018.8-1 installed'])
  expect(records[0]?.reason).toContain('No space left on device')
  expect(records.map(({ at }) => at)).toEqual([
    '2024-05-02T08:11:15.000Z',
    '2024-05-02T08:11:13.000Z',
    local('2018-11-02T20:01:00'),
  ])
})

test('Windows: results in words, and of malware definitions only the last', () => {
  const records = parseWindowsHistory(recordedJson('windows/update-history.json'))
  expect(records.map(({ article, outcome, reason }) => [article, outcome, reason])).toEqual([
    ['KB2267602', 'installed', undefined],
    ['KB5034441', 'failed', '0x80070643: Fatal error during installation'],
    ['KB5034122', 'installed', undefined],
    [undefined, 'failed', '0x80240017: the update does not apply to this machine'],
    [undefined, 'failed', '0x8024FFFF: the installation was aborted'],
  ])
  expect(updateHistorySection.shape.data.parse(newest(records))).toHaveLength(5)
})

test("macOS: Apple's updates, all of them installed", () => {
  const records = parseInstallHistory(recordedJson('macos-install-history.json'))
  expect(records.map(brief)).toEqual([
    'XProtectPlistConfigData 5290 installed',
    'XProtectPayloads ? installed',
    'macOS 26.1 ? installed',
  ])
})

test('no more is reported than a section holds, the newest first', () => {
  const many = Array.from({ length: MOST_RECORDS + 10 }, (_, index) => ({
    name: 'x'.repeat(400),
    version: null,
    at: new Date(index * 1000).toISOString(),
    outcome: 'failed' as const,
    reason: 'y'.repeat(900),
  }))
  const found = newest(many)
  expect(updateHistorySection.shape.data.parse(found)).toHaveLength(MOST_RECORDS)
  expect(found[0]?.at).toBe(many.at(-1)?.at)
})

test('a record is read again only after it grew', async () => {
  let reads = 0
  let fingerprint: string | undefined = 'one'
  const keeper = {
    source: 'test',
    fingerprint: async () => fingerprint,
    read: async () => [{ name: `${++reads}`, version: null, at: local('2026-01-01'), outcome: 'installed' as const }],
  }
  const collector = updateHistoryCollector([keeper])
  const name = async () => (await collector.collect())[0]?.name
  expect([await name(), await name()]).toEqual(['1', '1'])
  fingerprint = 'two'
  expect(await name()).toBe('2')
  fingerprint = undefined
  await expect(collector.collect()).rejects.toThrow('keeps no record')
})
