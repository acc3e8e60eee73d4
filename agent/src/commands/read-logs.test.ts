import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { type LogEntry, RESULT_DATA } from '@breeze/contract/agent-commands'
import { expect, test } from 'vitest'
import { RecentLog } from '../log.ts'
import { isLogName, readLogs } from './read-logs.ts'

const ownLog = new RecentLog(() => undefined)
const isRoot = process.getuid?.() === 0

async function read(args: Partial<Parameters<typeof run>[0]>) {
  const outcome = await run({ log: 'system', limit: 10, ...args })
  expect(outcome.reason).toBeUndefined()
  expect(outcome.state).toBe('succeeded')
  return { ...RESULT_DATA['logs.read'].parse(outcome.data), output: outcome.output ?? '' }
}

async function run(args: {
  log: string
  limit: number
  level?: NonNullable<LogEntry['level']>
  since?: string
  contains?: string
}) {
  const { outcome } = await readLogs({ ownLog }).run({
    commandId: crypto.randomUUID(),
    args,
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  })
  return outcome
}

test.runIf(isRoot && existsSync('/dev/kmsg'))('the kernel’s log is what dmesg says, line by line', async () => {
  const { source, entries } = await read({ log: 'kernel', limit: 300 })
  expect(source).toContain('/dev/kmsg')
  const { dmesg } = JSON.parse(execFileSync('dmesg', ['--json']).toString())
  const levels = ['critical', 'critical', 'critical', 'error', 'warning', 'info', 'info', 'debug']
  // What programs wrote into it carries a facility, which dmesg's JSON takes for a part of the level.
  const ofKernel = ({ msg }: { msg: string }) => !msg.trim().startsWith('breeze-')
  const told = dmesg
    .filter(ofKernel)
    .toReversed()
    .slice(0, entries.length)
    .map(({ pri, msg }: { pri: number; msg: string }) => [levels[pri & 7], msg.trim()])
  // What the kernel said between the two looks comes first.
  const read300 = entries
    .filter(({ message }) => !message.startsWith('breeze-'))
    .map(({ level, message }) => [level, message])
  const most = Math.min(told.length, read300.length) - 10
  expect(read300.slice(-told.length).slice(0, 290).slice(-most)).toEqual(told.slice(0, read300.length).slice(-most))
  const first = dmesg.toReversed()[0]
  const booted = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]) * 1000
  expect(Date.parse(entries[0]?.at ?? '')).toBeGreaterThanOrEqual(Math.floor(booted + first.time * 1000) - 1)
})

test.runIf(isRoot && existsSync('/dev/kmsg'))('only as severe as asked, and the text sought', async () => {
  const all = await read({ log: 'kernel', limit: 1000 })
  const severe = await read({ log: 'kernel', limit: 1000, level: 'warning' })
  expect(severe.entries).toEqual(
    all.entries.filter(({ level }) => ['critical', 'error', 'warning'].includes(level ?? '')),
  )
  const linux = await read({ log: 'kernel', limit: 1000, contains: 'LINUX VERSION' })
  expect(linux.entries).toEqual(all.entries.filter(({ message }) => message.toLowerCase().includes('linux version')))
  const few = await read({ log: 'kernel', limit: 3 })
  expect(few).toMatchObject({ more: true })
  expect(few.entries).toHaveLength(3)
})

test.runIf(existsSync('/var/log/dpkg.log'))('packages are what dpkg and apt wrote', async () => {
  const { source, entries } = await read({ log: 'packages', limit: 200 })
  expect(source).toContain('/var/log/dpkg.log')
  const dpkg = entries.filter((item) => item.source === 'dpkg')
  const lines = readFileSync('/var/log/dpkg.log', 'utf8').trim().split('\n').toReversed().slice(0, dpkg.length)
  const local = (at: string | null) => {
    const date = new Date(at ?? 0)
    const two = (value: number) => String(value).padStart(2, '0')
    const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
    return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
  }
  expect(dpkg.length).toBeGreaterThan(0)
  expect(dpkg.map(({ at, message }) => `${local(at)} ${message}`)).toEqual(lines)
  const apt = (await read({ log: 'packages', limit: 50, contains: 'commandline:' })).entries
  for (const { source: name, message } of apt) expect([name, message.split(':')[0]]).toEqual(['apt', 'Commandline'])
})

test('since leaves out what is older', async () => {
  ownLog.log('old_event')
  const later = new Date(Date.now() + 60_000).toISOString()
  expect((await read({ log: 'agent', since: later })).entries).toEqual([])
  expect((await read({ log: 'agent' })).entries[0]).toMatchObject({ source: 'breeze-agent', message: 'old_event' })
})

test('the agent’s own events carry their fields, and nothing of a hostile one is a control character', async () => {
  ownLog.log('connection_error', { message: '\u001b[31mred\r\nline' })
  const { entries, output } = await read({ log: 'agent', level: 'error' })
  expect(entries[0]).toMatchObject({ level: 'error', message: 'connection_error message= [31mred\nline' })
  expect(output).not.toContain('\u001b')
})

test('a log that no source has fails with every reason', async () => {
  const outcome = await run({ log: 'no-such-unit', limit: 5 })
  if (outcome.state === 'failed')
    expect(outcome.reason).toMatch(/no source for the log no-such-unit: .+; no \/var\/log/)
  else expect(outcome.data).toMatchObject({ entries: [] })
})

test.each([
  '../../etc/shadow',
  '/etc/passwd',
  '-f',
  '--file=/etc/shadow',
  'a/../b',
  'a b',
  'x;id',
  'a\nb',
  '',
  '*',
  'a..b',
])('%j is no name of a log', async (log) => {
  expect(isLogName(log, 'linux')).toBe(false)
  expect((await run({ log, limit: 1 })).state).toBe('failed')
  const execution = {
    commandId: crypto.randomUUID(),
    args: { log, limit: 1 },
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  }
  expect(await readLogs({ ownLog }).unsupported(execution)).toBe('that is no name of a log')
})

test('the names that systems give are names', () => {
  for (const name of ['nginx.service', 'getty@tty1.service', 'dev-disk-by\\x2duuid.swap', 'sshd']) {
    expect([name, isLogName(name, 'linux')]).toEqual([name, true])
  }
  expect(isLogName('Microsoft-Windows-TaskScheduler/Operational', 'win32')).toBe(true)
  expect(isLogName('Windows PowerShell', 'win32')).toBe(true)
  expect(isLogName('C:\\Windows\\x.evtx', 'win32')).toBe(false)
})
