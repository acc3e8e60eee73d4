import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { guardMemory } from '../memory-guard.ts'
import { environmentText, parseEnvironmentText } from './environment-file.ts'
import { layout } from './layout.ts'
import { RotatingLog } from './rotating-log.ts'
import type { Launches } from '../update/launches.ts'
import { supervise } from './supervise.ts'
import { unitText } from './systemd.ts'
import { initScriptText } from './sysv.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-service-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('the log', () => {
  test('takes no more than its files, and the latest lines are in the first', () => {
    const log = new RotatingLog({ path: join(folder, 'a/agent.log'), maxBytes: 100, keep: 2 })
    for (let n = 0; n < 100; n++) log.write(`line ${n} ${'x'.repeat(20)}`)
    expect(readdirSync(join(folder, 'a')).sort()).toEqual(['agent.log', 'agent.log.1', 'agent.log.2'])
    for (const name of readdirSync(join(folder, 'a'))) {
      expect(statSync(join(folder, 'a', name)).size).toBeLessThanOrEqual(100)
    }
    expect(readFileSync(join(folder, 'a/agent.log'), 'utf8')).toContain('line 99 ')
  })

  test('goes on in the file of the run before', () => {
    const options = { path: join(folder, 'agent.log'), maxBytes: 30, keep: 1 }
    new RotatingLog(options).write('first')
    new RotatingLog(options).write('second')
    expect(readFileSync(options.path, 'utf8')).toBe('first\nsecond\n')
  })
})

const always = (...command: [string, ...string[]]): Launches => ({
  next: async () => ({ command, env: {}, probationMs: null }),
  isOnTrial: async () => false,
})

describe('the supervisor', () => {
  test('starts the agent again after each end, keeps what it said, and ends with it on SIGTERM', async () => {
    const lines: string[] = []
    const script = 'echo hello >&2; exit 7'
    const over = supervise({
      launches: always('/bin/sh', '-c', script),
      env: process.env,
      log: { write: (line) => lines.push(line) },
      firstDelayMs: 1,
    })
    await vi.waitFor(() => expect(lines.filter((line) => line === 'hello').length).toBeGreaterThan(2), 10_000)
    process.emit('SIGTERM')
    await over
    expect(lines.some((line) => line.includes('"end":"exit code 7"'))).toBe(true)
    expect(lines.at(-1)).toContain('supervisor_stopped')
  })

  test('a program that is not there is told and tried again', async () => {
    const lines: string[] = []
    const over = supervise({
      launches: always(join(folder, 'none')),
      env: process.env,
      log: { write: (line) => lines.push(line) },
      firstDelayMs: 1,
    })
    await vi.waitFor(() => expect(lines.filter((line) => line.includes('ENOENT')).length).toBeGreaterThan(1), 10_000)
    process.emit('SIGTERM')
    await over
  })
})

describe('the settings file', () => {
  test('is read back as it was written, by us and by a shell', () => {
    const values = { BREEZE_AGENT_SERVER: 'https://rmm.example.com', HTTPS_PROXY: 'http://u:p$x y@proxy:3128' }
    const text = environmentText(values)
    expect(parseEnvironmentText(text)).toEqual(values)
    const shell = spawnSync('/bin/sh', ['-c', `${text}\nprintf %s "$HTTPS_PROXY"`], { encoding: 'utf8' })
    expect(shell.stdout).toBe(values.HTTPS_PROXY)
  })

  test('refuses what could end the quotes', () => {
    for (const value of ["a'b", 'a\nb', 'a\\b']) expect(() => environmentText({ X: value })).toThrow(/must not hold/)
  })
})

describe('the service files', () => {
  test('the init script is a shell script with the exit codes of LSB', () => {
    const path = layout(folder)
    const script = initScriptText(path)
    expect(spawnSync('/bin/sh', ['-n'], { input: script }).status).toBe(0)
    const run = (action: string) => spawnSync('/bin/sh', ['-s', action], { input: script, encoding: 'utf8' })
    expect(run('status')).toMatchObject({ status: 3, stdout: 'breeze-agent is stopped\n' })
    expect(run('dance').status).toBe(2)
  })

  test('the unit starts the installed program, with its settings, below everything else', () => {
    const unit = unitText(layout())
    expect(unit).toContain('ExecStart=/opt/breeze-agent/breeze-agent supervise -- --state /var/lib/breeze-agent')
    expect(unit).toContain('EnvironmentFile=/etc/breeze-agent/agent.env')
    expect(unit).toMatch(/^Nice=10$/m)
    expect(unit).toMatch(/^Delegate=yes$/m)
    expect(unit).toMatch(/^KillMode=mixed$/m)
  })
})

describe('the memory guard', () => {
  test('ends the agent when its memory stays above the limit, not at a moment of it', async () => {
    const sizes = [400, 100, 400, 400, 400]
    const restart = vi.fn<() => void>()
    guardMemory({
      log: () => undefined,
      restart,
      limitBytes: 300,
      everyMs: 1,
      residentBytes: () => sizes.shift() ?? 0,
    })
    await vi.waitFor(() => expect(restart).toHaveBeenCalledOnce())
    expect(sizes).toEqual([])
  })
})
