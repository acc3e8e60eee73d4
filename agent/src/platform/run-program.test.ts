import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { TimedOut, Unsupported } from '../collectors/section.ts'
import { runProgram } from './run-program.ts'

test('gives exit code, stdout and stderr apart', async () => {
  const result = await runProgram('sh', ['-c', 'echo out; echo err >&2; exit 3'])
  expect(result).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n', truncated: false })
})

test('arguments are no shell text', async () => {
  expect((await runProgram('printf', ['%s', '$(id); `id` & "'])).stdout).toBe('$(id); `id` & "')
})

test('the environment is minimal and in the C locale, stdin is closed', async () => {
  const { stdout } = await runProgram('sh', ['-c', 'env; cat'], { environment: { EXTRA: 'yes' } })
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0])
  expect(names.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name ?? '')).sort()).toEqual([
    'EXTRA',
    'LANG',
    'LC_ALL',
    'PATH',
  ])
  expect(stdout).toMatch(/^LC_ALL=C$/m)
})

test('output beyond the bound is dropped, and said so', async () => {
  const result = await runProgram('sh', ['-c', 'yes | head -c 300000'], { maxBytes: 1000 })
  expect(result).toMatchObject({ exitCode: 0, truncated: true })
  expect(result.stdout).toHaveLength(1000)
})

test('at the timeout the program ends with its children', async () => {
  const failure = runProgram('sh', ['-c', 'sleep 98765 & sleep 98766'], { timeoutMs: 100 })
  await expect(failure).rejects.toBeInstanceOf(TimedOut)
  await vi.waitFor(
    async () => {
      const { stdout } = await runProgram('ps', ['-eo', 'args'])
      expect(stdout).not.toMatch(/sleep 9876[56]/)
    },
    { timeout: 10_000, interval: 50 },
  )
})

test('a daemon that holds the pipes neither delays the answer for ever nor dies', async () => {
  const result = await runProgram('sh', ['-c', 'sleep 3333 & echo $!'], { timeoutMs: 60_000 })
  const pid = Number(result.stdout)
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('3333')
  process.kill(pid, 'SIGKILL')
})

test('a missing program is unsupported', async () => {
  await expect(runProgram('breeze-no-such-program', [])).rejects.toEqual(
    new Unsupported('breeze-no-such-program is not installed'),
  )
})

test('a nice program gives way', async () => {
  const { stdout } = await runProgram(
    'sh',
    ['-c', 'while [ $(ps -o ni= -p $$) -eq 0 ]; do sleep 0.05; done; ps -o ni= -p $$'],
    { nice: true },
  )
  expect(Number(stdout)).toBe(10)
})
