import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandMessage, type CommandBody } from '@breeze/contract/agent-commands'
import type { AgentFrame } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { published, script, signingKey } from '../test/stub-server.ts'
import { CommandRunner } from './command-runner.ts'
import { signText } from './device-key.ts'
import type { ExecutionResult, Executors } from './executor.ts'
import { Journal } from './journal.ts'
import { ServerClock } from './server-clock.ts'

const key = signingKey('k')
const deviceId = randomUUID()
const POWER = { delaySeconds: 0, reason: '' }
let folder: string
let now: number
let clock: ServerClock
let journal: Journal
let frames: AgentFrame[]
let run: () => Promise<ExecutionResult>
let running: number
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-runner-test-'))
  now = Date.parse('2026-01-01T12:00:00Z')
  clock = new ServerClock(() => now)
  journal = await Journal.open(folder, () => clock.earliest())
  frames = []
  running = 0
  run = async () => ({ outcome: { state: 'succeeded' } })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const unsupported = async () => undefined
const serverKeys = () => [published(key)]
const hanging = (frame: AgentFrame) => {
  frames.push(frame)
  return new Promise<boolean>(() => {})
}
const reply = async (frame: AgentFrame) => frames.push(frame) > 0

function runner() {
  const executors: Executors = {
    'script.run': { type: 'script.run', unsupported, run: () => (running++, run()) },
    'power.reboot': { type: 'power.reboot', unsupported, run: () => run() },
    'power.shutdown': { type: 'power.shutdown', unsupported, run: () => run() },
  }
  return new CommandRunner({ deviceId, journal, clock, executors, serverKeys, sweep: async () => {}, log: () => {} })
}
function command(body: CommandBody = script('bash', 'true')) {
  const payload = JSON.stringify({
    v: 1,
    commandId: randomUUID(),
    deviceId,
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + 60_000).toISOString(),
    body,
  })
  return { keyId: key.id, payload, signature: signText(key.key, commandMessage(payload)) }
}
const results = () => frames.flatMap((frame) => (frame.type === 'result' ? [frame.outcome.state] : []))

test('a command that expires while it waits for a place is not run', async () => {
  const places = Promise.withResolvers<ExecutionResult>()
  run = () => places.promise
  const subject = runner()
  for (let n = 0; n < 5; n++) await subject.handle(command(), reply)
  await vi.waitFor(() => expect(running).toBe(4))
  now += 60_000
  places.resolve({ outcome: { state: 'succeeded' } })
  await vi.waitFor(() => expect(results()).toHaveLength(5))
  expect(running).toBe(4)
  expect(results().filter((state) => state === 'rejected')).toHaveLength(1)
})

test.each([
  ['runs after a restart', 0, 'succeeded'],
  ['is refused after a restart that took too long', 60_000, 'rejected'],
])('a command accepted and not started %s', async (_, away, state) => {
  const signed = command()
  await journal.accepted(JSON.parse(signed.payload).commandId, now + 60_000, signed)
  now += away
  const subject = runner()
  await subject.recover()
  expect(running).toBe(0)
  await subject.welcomed(reply)
  await vi.waitFor(() => expect(results()).toEqual([state]))
})

test('a reboot that did not happen is corrected, also after its success was recorded', async () => {
  const act = Promise.withResolvers<void>()
  run = async () => ({
    outcome: { state: 'succeeded' },
    afterwards: async () => {
      await act.promise
      return { state: 'failed', reason: 'no systemd' }
    },
  })
  const subject = runner()
  const signed = command({ type: 'power.reboot', args: POWER })
  const { commandId } = JSON.parse(signed.payload)
  await subject.handle(signed, reply)
  await vi.waitFor(() => expect(results()).toEqual(['succeeded']))
  await subject.resultRecorded(commandId)
  act.resolve()
  await vi.waitFor(() => expect(results()).toEqual(['succeeded', 'failed']))
  expect(await journal.outcome(commandId)).toMatchObject({ state: 'failed' })
})

test('a connection that hangs holds no command up', async () => {
  await runner().handle(command(), hanging)
  await vi.waitFor(() => expect(results()).toEqual(['succeeded']), { timeout: 5000 })
})

test('an executor that breaks still gives a result', async () => {
  run = () => Promise.reject(new Error('no space left on device'))
  await runner().handle(command(), reply)
  await vi.waitFor(() => expect(results()).toEqual(['failed']))
})

test('after a stop nothing new is started, and what was accepted waits for the next run', async () => {
  const subject = runner()
  await subject.stop()
  await subject.handle(command(), reply)
  await sleep(20)
  expect(frames).toEqual([])
})
