import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type CommandArgs, RESULT_DATA } from '@breeze/contract/agent-commands'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const isRoot = process.getuid?.() === 0
const machine = existsSync('/etc/machine-id') ? readFileSync('/etc/machine-id', 'utf8').trim() : ''
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-journal-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Each runs some programs, one after the other, on a machine that may be busy. */
const PATIENCE_MS = 120_000
const module = (path: string) => JSON.stringify(join(import.meta.dirname, path))

/** A journal that systemd wrote, in the place of this machine's: in a mount namespace, asked through journalctl. */
function withJournal(script: string): unknown {
  mkdirSync(join(folder, machine), { recursive: true })
  const packed = readFileSync(join(import.meta.dirname, '../../../test/recorded/journal.gz'))
  writeFileSync(join(folder, machine, 'system.journal'), gunzipSync(packed))
  const shell = 'mount --bind "$1" /var/log/journal && exec "$2" --input-type=module -e "$3"'
  const output = execFileSync('unshare', ['-m', 'sh', '-c', shell, 'sh', folder, process.execPath, script])
  return JSON.parse(output.toString())
}

function read(args: CommandArgs<'logs.read'>) {
  const outcome = withJournal(`import { readLogs } from ${module('../../commands/read-logs.ts')}
    const { outcome } = await readLogs({ ownLog: { events: () => [] } }).run({ commandId: '', args: ${JSON.stringify(args)},
      signal: new AbortController().signal, reply: async () => true, tell: async () => ({}) })
    console.log(JSON.stringify(outcome))`)
  expect(outcome).toMatchObject({ state: 'succeeded' })
  const { data } = outcome as { data: unknown }
  const { source, entries, more } = RESULT_DATA['logs.read'].parse(data)
  expect(source).toBe('systemd journal')
  return { more, messages: entries.map(({ source: program, message }) => `${program}: ${message}`), entries }
}

const canRun = isRoot && machine !== '' && existsSync('/var/log/journal') && existsSync('/usr/bin/journalctl')
describe.runIf(canRun)('a real journal', { timeout: PATIENCE_MS }, () => {
  test('whole, the newest first, with bytes that are no text', () => {
    const { messages, entries, more } = read({ log: 'system', limit: 10 })
    expect(messages).toEqual([
      'kernel: eth0: link down',
      'sshd: Accepted publickey for anna',
      'app: gr\ufffdn  [31m',
      'nginx: connect() failed\nwhile reading',
      'systemd: Started nginx.service',
    ])
    expect(more).toBe(false)
    expect(entries[0]).toMatchObject({ at: '2026-11-25T10:00:02.000Z', level: 'warning' })
  })

  test('by level, time, text, number, unit, program and facility', () => {
    expect(read({ log: 'system', limit: 10, level: 'warning' }).messages).toHaveLength(2)
    expect(read({ log: 'system', limit: 10, since: '2026-11-25T10:00:01.000Z' }).messages).toHaveLength(2)
    expect(read({ log: 'system', limit: 10, contains: 'ACCEPTED' }).messages).toHaveLength(1)
    expect(read({ log: 'system', limit: 2 })).toMatchObject({ more: true, messages: { length: 2 } })
    expect(read({ log: 'nginx.service', limit: 10 }).messages).toEqual(['nginx: connect() failed\nwhile reading'])
    // Its unit is ssh.service: by the name of the program it is found too.
    expect(read({ log: 'sshd', limit: 10 }).messages).toEqual(['sshd: Accepted publickey for anna'])
    expect(read({ log: 'security', limit: 10 }).messages).toEqual(['sshd: Accepted publickey for anna'])
    expect(read({ log: 'kernel', limit: 10 }).messages).toEqual(['kernel: eth0: link down'])
    expect(read({ log: 'no-such', limit: 10 }).messages).toEqual([])
  })

  test('is followed from its end, from a place in it, and from its end again when it was replaced', () => {
    const second =
      's=99ff1b11baa348418d773df6ae88eabf;i=2;b=0123456789abcdef0123456789abcdef;m=2f9fc5c0;t=66116e3c865c0;x=e0e00e8e4162e67'
    const found = withJournal(`import { linuxTails } from ${module('./tails.ts')}
      const follow = async (log, position) => {
        const { read } = await linuxTails(log)[0]()
        const { entries, ...rest } = await read(position)
        return { messages: entries.map((entry) => entry.source + ': ' + entry.message), ...rest }
      }
      const end = await follow('system', undefined)
      console.log(JSON.stringify({
        end,
        later: await follow('system', end.position),
        behind: await follow('system', ${JSON.stringify(second)}),
        security: await follow('security', ${JSON.stringify(second)}),
        unit: await follow('nginx', '@0'),
        nobody: await follow('no-such', undefined),
        replaced: await follow('system', 'not a cursor'),
      }))`)
    const messages = ['app: gr\ufffdn  [31m', 'sshd: Accepted publickey for anna', 'kernel: eth0: link down']
    const position = expect.stringMatching(/^s=99ff\w+;i=5;/)
    expect(found).toEqual({
      end: { messages: [], position },
      later: { messages: [], position },
      behind: { messages, position },
      security: { messages: [messages[1]], position: expect.stringMatching(/;i=4;/) },
      unit: {
        messages: expect.arrayContaining(['nginx: connect() failed\nwhile reading']),
        position: expect.any(String),
      },
      nobody: { messages: [], position: expect.stringMatching(/^@\d+$/) },
      replaced: { messages: [], position },
    })
  })
})
