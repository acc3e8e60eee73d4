import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { superviseAgent, type LocalAgent } from './local-agent.ts'

const folder = mkdtempSync(join(tmpdir(), 'breeze-local-agent-'))
let agent: LocalAgent | undefined

afterEach(async () => {
  await agent?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function supervise(source: string): string[] {
  const entry = join(folder, 'agent.mjs')
  writeFileSync(entry, source)
  const lines: string[] = []
  agent = superviseAgent({ entry, args: ['one'], env: {}, log: (line) => lines.push(line) })
  return lines
}

it('logs its lines, starts it again when it is killed, and ends it in order', async () => {
  const lines = supervise(`
    console.error('hello', process.argv[2], process.connected, Object.keys(process.env).length)
    process.on('SIGTERM', () => { console.error('bye'); setTimeout(() => process.exit(0), 50) })
    process.on('disconnect', () => process.exit(0))
  `)
  await vi.waitFor(() => expect(lines).toContain('hello one true 0'), 10_000)
  const first = agent?.pid()
  if (first === undefined) throw new Error('it does not run')
  process.kill(first, 'SIGKILL')
  await vi.waitFor(() => expect(lines.filter((line) => line.startsWith('hello'))).toHaveLength(2), 10_000)
  expect(lines[1]).toBe('the local agent ended (SIGKILL) and starts again in 0.5 s')
  expect(agent?.pid()).not.toBe(first)
  await agent?.stop()
  await sleep(100)
  expect(lines.at(-1)).toBe('bye')
  expect(agent?.pid()).toBeUndefined()
})
