import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { LogEntry } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseJournal } from './linux/journald.ts'
import { parseKernelRecord } from './linux/kernel-ring.ts'
import { linesBackward, logFiles, rotated } from './linux/log-files.ts'
import { parseDatedLine, parseSyslogLine, syslogEntries, YearGuess } from './linux/log-lines.ts'
import { openPackageLogs } from './linux/package-logs.ts'
import { mergeNewest, pick } from './log-query.ts'
import { parseUnifiedLog } from './macos/unified-log.ts'
import { parseWindowsEvents } from './windows/event-log.ts'

const recorded = (name: string) => readFileSync(join(import.meta.dirname, '../../test/recorded', name))
const collect = async <T>(items: AsyncIterable<T>) => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
const local = (...parts: [number, number, number, number, number, number]) => new Date(...parts).toISOString()

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const put = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const texts = async (...files: string[]) => (await collect(linesBackward(files))).map(({ text }) => text)

describe('files', () => {
  test('are read from the end, across blocks, with and without a last line feed', async () => {
    const lines = Array.from({ length: 20_000 }, (_, at) => `line ${at} ${'é'.repeat(at % 7)}`)
    expect(await texts(put('a', lines.join('\n')))).toEqual(lines.toReversed())
    expect(await texts(put('b', `${lines.join('\n')}\n`))).toEqual(lines.toReversed())
    expect(await texts(put('c', ''), put('d', '\n\n\n'), put('e', 'x'))).toEqual(['x'])
  })

  test('of a huge line the beginning is kept, and the lines around it whole', async () => {
    const huge = `start ${'x'.repeat(1_000_000)}`
    const [after, kept, before] = await texts(put('a', `before\n${huge}\nafter\n`))
    expect([after, before]).toEqual(['after', 'before'])
    expect(kept).toMatch(/^start x+$/)
    expect(kept?.length).toBeLessThanOrEqual(16 * 1024)
  })

  test('only as much is read as is asked for', async () => {
    const path = put('big', '')
    const block = `${'y'.repeat(99)}\n`.repeat(100_000)
    for (let count = 0; count < 20; count++) appendFileSync(path, block)
    const before = process.memoryUsage().rss
    const lines = linesBackward([path])
    for (let count = 0; count < 1000; count++) await lines.next()
    await lines.return(undefined)
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
  })

  test('rotated ones follow in order, packed or not, and a torn archive gives what it has', async () => {
    put('syslog', 'five\n')
    put('syslog.1', 'three\nfour\n')
    put('syslog.2.gz', gzipSync('one\ntwo\n'))
    put('syslog.3.gz', 'no archive at all')
    put('syslog.old', 'never')
    const files = (await logFiles(join(folder, 'syslog'))) ?? []
    expect(await texts(...files)).toEqual(['five', 'four', 'three', 'two', 'one'])
    expect(await logFiles(join(folder, 'missing'))).toBeUndefined()
    expect(await logFiles(join(folder, 'none/missing'))).toBeUndefined()
    expect(rotated('messages', ['messages-20261101', 'messages', 'messages-20261115.gz', 'messages-x'])).toEqual([
      'messages',
      'messages-20261115.gz',
      'messages-20261101',
    ])
  })

  test('a link or a pipe in the place of a log is not followed', async () => {
    symlinkSync('/etc/passwd', join(folder, 'syslog'))
    await expect(texts(join(folder, 'syslog'))).rejects.toThrow('ELOOP')
    execFileSync('mkfifo', [join(folder, 'messages')])
    await expect(texts(join(folder, 'messages'))).rejects.toThrow('is no file')
  })

  test('of a large archive the end is kept', async () => {
    const lines = Array.from({ length: 200_000 }, (_, at) => `packed line number ${at} with some more text`)
    const found = await texts(put('a.gz', gzipSync(lines.join('\n'))))
    expect(found.length).toBeLessThan(lines.length)
    expect(found.slice(0, 50_000)).toEqual(lines.toReversed().slice(0, 50_000))
  })
})

describe('syslog', () => {
  const parse = (text: string, writtenAt = new Date(2026, 10, 25, 12)) =>
    parseSyslogLine({ text, writtenAt }, new YearGuess())

  test('each format', () => {
    expect(parse('Nov  5 07:08:09 web1 sshd[123]: Accepted publickey for anna')).toEqual({
      at: local(2026, 10, 5, 7, 8, 9),
      level: null,
      source: 'sshd',
      message: 'Accepted publickey for anna',
    })
    expect(parse('2026-11-25T10:00:00.123456+02:00 web1 systemd[1]: Started a: b.')).toEqual({
      at: '2026-11-25T08:00:00.123Z',
      level: null,
      source: 'systemd',
      message: 'Started a: b.',
    })
    expect(parse('<11>Nov 25 10:00:00 web1 app: broken')).toMatchObject({ level: 'error', source: 'app' })
    expect(parse('<165>1 2026-10-11T22:14:15.003Z host evntslog - ID47 [ex@1 a="b"] An event')).toEqual({
      at: '2026-10-11T22:14:15.003Z',
      level: 'info',
      source: 'evntslog',
      message: 'An event',
    })
    expect(parse('Nov 25 10:00:00 web1 kernel: [   12.345678] eth0: link up')).toMatchObject({
      source: 'kernel',
      message: '[   12.345678] eth0: link up',
    })
  })

  test('a time without a year is the last one before', () => {
    expect(parse('Dec 31 23:59:59 h a: b', new Date(2027, 0, 1, 0, 5)).at).toBe(local(2026, 11, 31, 23, 59, 59))
    expect(parse('Nov 26 00:30:00 h a: b').at).toBe(local(2026, 10, 26, 0, 30, 0))
    expect(parse('Nov 28 00:30:00 h a: b').at).toBe(local(2025, 10, 28, 0, 30, 0))
    expect(parse('Feb 29 10:00:00 h a: b').at).toBe(local(2024, 1, 29, 10, 0, 0))
    expect(parse('Foo 29 10:00:00 h a: b').at).toBeNull()
    expect(parse('Feb 31 10:00:00 h a: b').at).toBeNull()
  })

  test('a file over two new years counts the years back', async () => {
    const lines = ['Mar 1 1', 'Dec 1 2', 'Mar 1 3', 'Dec 1 4', 'Jan 2 5'].map((line) => {
      const [month, day, number] = line.split(' ')
      return `${month}  ${day} 10:00:00 host app: ${number}`
    })
    const path = put('syslog', lines.join('\n'))
    utimesSync(path, new Date(2026, 0, 2, 11), new Date(2026, 0, 2, 11))
    const found = await collect(syslogEntries(linesBackward([path])))
    expect(found.map(({ at, message }) => `${message} ${new Date(at ?? 0).getFullYear()}`)).toEqual([
      '5 2026',
      '4 2025',
      '3 2025',
      '2 2024',
      '1 2024',
    ])
  })

  test('nothing in a line is trusted: control characters, wrong encodings, and no format at all', async () => {
    const path = put('nasty', recorded('nasty-syslog.bin'))
    const found = await collect(syslogEntries(linesBackward([path])))
    expect(found).toHaveLength(5)
    for (const { message, source } of found) {
      // eslint-disable-next-line no-control-regex
      expect(`${message}${source}`).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
      expect(message.isWellFormed()).toBe(true)
    }
    expect(found.map(({ source }) => source)).toEqual(['', 'last', 'latin', 'evil', ''])
    expect(found[2]?.message).toBe('gr\ufffdn')
  })

  test('a line made to look slow is read at once', () => {
    const started = performance.now()
    for (const text of [
      `Nov 25 10:00:00 ${'a '.repeat(8000)}`,
      `<1>1 ${'['.repeat(16_000)}`,
      `${'['.repeat(16_000)}:`,
    ]) {
      parse(text)
      parseDatedLine(text, 'x')
    }
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

test('a kernel record is read past its fields, with its escapes', () => {
  const booted = new Date('2026-11-25T00:00:00Z')
  expect(parseKernelRecord('6,339,5140900,-;usb: caf\\xc3\\xa9 \\x1b[31m\n SUBSYSTEM=usb\n', booted)).toEqual({
    sequence: 339,
    entry: { at: '2026-11-25T00:00:05.140Z', level: 'info', source: 'kernel', message: 'usb: café  [31m' },
  })
  expect(parseKernelRecord('30,1,1000000,-;systemd[1]: hello', booted)).toMatchObject({ entry: { source: 'systemd' } })
  expect(parseKernelRecord('garbage', booted)).toBeUndefined()
})

test('the journal as journalctl writes it, cut off at the end', () => {
  expect(parseJournal(recorded('journalctl.ndjson').toString())).toEqual([
    { at: '2026-11-25T10:00:01.500Z', level: 'error', source: 'nginx', message: 'connect() failed\nwhile reading' },
    { at: '2026-11-25T10:00:00.000Z', level: 'info', source: 'app', message: 'gr\ufffdn' },
    { at: '2026-11-25T09:59:59.000Z', level: null, source: 'bash', message: 'first of two' },
    { at: '2026-11-25T09:59:58.000Z', level: 'debug', source: 'big', message: '(too long to be shown)' },
  ])
})

test('package managers’ logs together, the newest first', async () => {
  mkdirSync(join(folder, 'var/log/apt'), { recursive: true })
  mkdirSync(join(folder, 'var/log/zypp'), { recursive: true })
  put(
    'var/log/dpkg.log',
    '2026-11-20 10:00:05 install curl:amd64 <none> 8.1\n2026-11-22 09:00:00 startup archives unpack\n',
  )
  put(
    'var/log/apt/history.log',
    '\nStart-Date: 2026-11-20  10:00:00\nCommandline: apt install curl\nInstall: curl:amd64 (8.1)\nError: dpkg failed\nEnd-Date: 2026-11-20  10:00:09\n',
  )
  put('var/log/pacman.log', '[2026-11-21T10:00:00+0000] [ALPM] installed foo (1.0)\n')
  put('var/log/dnf.rpm.log', '2026-11-23T10:00:00+0200 SUBDEBUG Installed: foo-1.0.x86_64\n')
  put('var/log/zypp/history', '# comment\n2026-11-24 10:00:00|install|foo|1.0|x86_64\n')
  const log = await openPackageLogs(folder)
  const { entries } = await pick(
    { log: 'packages', limit: 100 },
    log ?? { source: '', entries: [] },
    AbortSignal.timeout(9999),
  )
  expect(entries.map(({ source, level, message }) => `${source} ${level} ${message}`)).toEqual([
    'zypper null install|foo|1.0|x86_64',
    'zypper null # comment',
    'dnf null SUBDEBUG Installed: foo-1.0.x86_64',
    'dpkg null startup archives unpack',
    'pacman null [ALPM] installed foo (1.0)',
    'dpkg null install curl:amd64 <none> 8.1',
    'apt error Commandline: apt install curl\nInstall: curl:amd64 (8.1)\nError: dpkg failed',
  ])
  expect(await openPackageLogs(join(folder, 'none'))).toBeUndefined()
})

describe('picking', () => {
  const item = (minute: number, message: string, level: LogEntry['level'] = 'info'): LogEntry => ({
    at: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    level,
    source: 'x',
    message,
  })
  const signal = new AbortController().signal

  test('what has no level is shown and said to have none', async () => {
    const entries = [item(3, 'a', null), item(2, 'b', 'debug'), item(1, 'c', 'error')]
    const found = await pick({ log: 'x', limit: 5, level: 'error' }, { source: 'file', entries }, signal)
    expect(found.entries.map(({ message }) => message)).toEqual(['a', 'c'])
    expect(found).toMatchObject({ more: false, source: 'file (which records no levels: all are shown)' })
  })

  test('a clock that was set back hides nothing newer behind it', async () => {
    const entries = [item(50, 'a'), item(1, 'old'), item(49, 'b')]
    const query = { log: 'x', limit: 5, since: new Date(Date.UTC(2026, 0, 1, 0, 30)) }
    expect((await pick(query, { source: '', entries }, signal)).entries.map(({ message }) => message)).toEqual([
      'a',
      'b',
    ])
  })

  test('an answer fits a frame whatever was logged', async () => {
    const entries = Array.from({ length: 1000 }, (_, at) => item(at, '"\\'.repeat(2000)))
    const found = await pick({ log: 'x', limit: 1000 }, { source: '', entries }, signal)
    expect(found.more).toBe(true)
    expect(JSON.stringify(found).length).toBeLessThan(1_600_000)
  })

  test('two sources are one, and neither is read further than needed', async () => {
    const merged = await collect(mergeNewest([item(5, 'a'), item(3, 'c')], [item(4, 'b'), item(2, 'd'), item(1, 'e')]))
    expect(merged.map(({ message }) => message).join('')).toBe('abcde')
    expect(await collect(mergeNewest([], [item(1, 'x')]))).toHaveLength(1)
    expect(await collect(mergeNewest([], []))).toEqual([])
  })
})

test('events of Windows, recorded', () => {
  expect(parseWindowsEvents(JSON.parse(recorded('windows-events.json').toString()))).toEqual([
    {
      at: '2026-11-25T10:00:00.123Z',
      level: 'error',
      source: 'Service Control Manager',
      message: 'The Spooler service terminated unexpectedly.\nIt has done this 1 time(s).',
    },
    {
      at: '2026-11-25T09:00:00.000Z',
      level: 'info',
      source: 'Microsoft-Windows-Security-Auditing',
      message: 'event 4624',
    },
  ])
  expect(parseWindowsEvents([])).toEqual([])
})

test('the unified log of macOS, recorded', () => {
  expect(parseUnifiedLog(recorded('macos-log.ndjson').toString())).toEqual([
    { at: '2026-11-25T18:00:01.500Z', level: 'critical', source: 'kernel', message: 'something broke' },
    { at: '2026-11-25T18:00:00.123Z', level: 'info', source: 'sshd', message: 'Accepted publickey' },
  ])
})

test('a zone of hours alone, as installer writes it', () => {
  expect(parseDatedLine('2026-11-25 10:00:00-08 mac Installer[123]: done', 'installer').at).toBe(
    '2026-11-25T18:00:00.000Z',
  )
})
