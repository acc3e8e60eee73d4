import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RESULT_DATA } from '@breeze/contract/agent-commands'
import { afterEach, expect, test, vi } from 'vitest'
import { linuxProcesses, parseStat } from '../platform/linux/process-table.ts'
import { parsePs } from '../platform/macos/process-table.ts'
import { parseWindowsProcesses } from '../platform/windows/process-table.ts'
import { choose, listProcesses } from './list-processes.ts'

const recorded = (name: string) => readFileSync(join(import.meta.dirname, '../../test/recorded', name), 'utf8')
const execution = (args: Parameters<typeof choose>[1], signal = new AbortController().signal) => ({
  commandId: crypto.randomUUID(),
  args,
  signal,
  reply: async () => true,
  tell: async () => ({}),
})
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A process with a name of our choice, ended with the test. */
function started(name: string, script: string, ...args: string[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'breeze-process-'))
  symlinkSync('/bin/sh', join(folder, name))
  const child = spawn(join(folder, name), ['-c', script, ...args], { stdio: 'ignore' })
  cleanups.push(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  return child.pid ?? 0
}

test('every process is what ps says, line by line', async () => {
  // Processes come and go, so one of a few tries must agree on those that live longer than the comparison.
  await vi.waitFor(
    async () => {
      const { rows } = await linuxProcesses(new AbortController().signal)
      const ps = execFileSync('ps', ['-eo', 'pid=,ppid=,user:64=,rss=,lstart=,args='], {
        env: { ...process.env, LC_ALL: 'C' },
        maxBuffer: 1e8,
      })
      const expected = new Map<number, string>()
      for (const line of ps.toString().split('\n')) {
        const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\w{3} .{20}) ?(.*)$/.exec(line)
        if (match) expected.set(Number(match[1]), [match[2], match[3], Date.parse(match[5] ?? '')].join(' '))
      }
      const own = rows.filter((row) => expected.has(row.pid))
      expect(own.length).toBeGreaterThan(5)
      for (const { pid, parent, user, startedAt } of own) {
        const [, , seconds] = (expected.get(pid) ?? '').split(' ')
        expect(`${parent} ${user}`).toBe((expected.get(pid) ?? '').split(' ').slice(0, 2).join(' '))
        // ps rounds the moment of the boot differently.
        expect(Math.abs(Date.parse(startedAt ?? '') - Number(seconds))).toBeLessThanOrEqual(2000)
      }
      expect(expected.size - own.length).toBeLessThan(expected.size / 3)
    },
    { timeout: 25_000, interval: 100 },
  )
})

test('memory and command line of a quiet process are those of ps', async () => {
  const pid = started('breeze-quiet', 'sleep 60; :', 'one', 'two words')
  const [rss, ...args] = await vi.waitFor(
    () =>
      execFileSync('ps', ['-o', 'rss=,args=', '-ww', '-p', String(pid)])
        .toString()
        .trim()
        .split(/ +/),
    { timeout: 10_000 },
  )
  const { rows } = await linuxProcesses(new AbortController().signal)
  const row = rows.find((found) => found.pid === pid)
  expect(row).toMatchObject({ state: 'sleeping', name: 'breeze-quiet', memoryBytes: Number(rss) * 1024 })
  expect(row?.commandLine.split(/ +/)).toEqual(args)
})

test('a busy process is near the top and its use is measured', async () => {
  const pid = started('breeze (busy) 1', 'while :; do :; done')
  const { outcome } = await listProcesses().run(execution({ sort: 'cpu', limit: 50, contains: 'BUSY' }))
  const data = RESULT_DATA['processes.list'].parse(outcome.data)
  expect(outcome.state).toBe('succeeded')
  expect(data.processes[0]).toMatchObject({ pid, name: 'breeze (busy) 1', parent: process.pid })
  expect(data.processes[0]?.cpuPercent).toBeGreaterThan(5)
  expect(data.processes[0]?.cpuPercent).toBeLessThan(130)
  expect(outcome.output).toContain('breeze (busy) 1')
})

test('a command line of control characters is readable and bounded', async () => {
  const pid = started('breeze-nasty', 'sleep 60; :', `\u001b[2J${'é'.repeat(5000)}`)
  const { rows } = await linuxProcesses(new AbortController().signal)
  const row = rows.find((found) => found.pid === pid)
  expect(row?.commandLine).toMatch(/breeze-nasty -c sleep 60; : +\[2Jé+$/)
  expect(row?.commandLine.length).toBeLessThanOrEqual(1000)
})

test('ends at once when it is cancelled', async () => {
  const controller = new AbortController()
  const running = listProcesses().run(execution({ sort: 'cpu', limit: 5 }, controller.signal))
  controller.abort('cancelled')
  expect((await running).outcome).toMatchObject({ state: 'interrupted' })
})

test('a stat line with a hostile name is read by its last parenthesis', () => {
  const fields = 'S 1 2 3 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 777 1000 10'
  expect(parseStat(7, `7 (a) R 99 (b\n)) ${fields}`, 0)).toMatchObject({ name: 'a) R 99 (b\n)', parent: 1, ticks: 200 })
  expect(parseStat(7, 'garbage', 0)).toBeUndefined()
  expect(parseStat(7, '', 0)).toBeUndefined()
})

test('ps of macOS, recorded', () => {
  const rows = parsePs(recorded('macos-ps.txt'))
  expect(
    rows.map(({ pid, parent, name, user, cpuPercent, state }) => [pid, parent, name, user, cpuPercent, state]),
  ).toEqual([
    [1, 0, 'launchd', 'root', 0.3, 'sleeping'],
    [412, 1, 'Some App', '_windowserver', 12.5, 'running'],
    [998, 1, 'zsh', 'anna', 0, 'sleeping'],
  ])
  expect(rows[1]?.commandLine).toBe('/Applications/Some App.app/Contents/MacOS/Some App -flag /with slash')
  expect(rows[0]?.memoryBytes).toBe(14_080 * 1024)
})

test('Win32_Process, recorded', () => {
  const rows = parseWindowsProcesses(JSON.parse(recorded('windows-processes.json')))
  expect(rows).toMatchObject([
    { pid: 4, parent: 0, name: 'System', commandLine: '', user: null, cpuPercent: null, startedAt: null },
    {
      pid: 1234,
      name: 'svchost.exe',
      user: 'NT AUTHORITY\\SYSTEM',
      cpuPercent: 3.1,
      memoryBytes: 12_345_678,
      startedAt: '2026-11-25T07:00:01.123Z',
    },
  ])
})
