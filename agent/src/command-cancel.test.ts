import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cancelMessage, commandMessage, type CommandBody } from '@breeze/contract/agent-commands'
import type { AgentFrame } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { published, script, signingKey } from '../test/stub-server.ts'
import { CommandRunner } from './command-runner.ts'
import { signText } from './device-key.ts'
import type { Execution, ExecutionResult } from './executor.ts'
import { Journal } from './journal.ts'
import { ServerClock } from './server-clock.ts'

type Running = Pick<Execution, 'commandId' | 'signal'>

const key = signingKey('k')
const deviceId = randomUUID()
let folder: string
let clock: ServerClock
let journal: Journal
let frames: AgentFrame[]
let started: string[]
let run: (execution: Running) => Promise<ExecutionResult>
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-cancel-test-'))
  clock = new ServerClock()
  journal = await openJournal()
  frames = []
  started = []
  run = untilToldToEnd
})
afterEach(async () => {
  await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

const openJournal = () => Journal.open(folder, () => clock.earliest())
const reply = async (frame: AgentFrame) => frames.push(frame) > 0
const unsupported = async () => undefined
const results = (id: string) => frames.flatMap((f) => (f.type === 'result' && f.commandId === id ? [f.outcome] : []))
const untilResult = (id: string) => vi.waitFor(() => expect(results(id)).not.toEqual([]), { timeout: 10_000 })

function untilToldToEnd({ signal }: Running): Promise<ExecutionResult> {
  const interrupted: ExecutionResult = { outcome: { state: 'interrupted', output: 'so far' } }
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(interrupted)))
}
function runner(): CommandRunner {
  const execute = (execution: Running) => (started.push(execution.commandId), run(execution))
  return new CommandRunner({
    deviceId,
    journal,
    clock,
    serverKeys: () => [published(key)],
    executors: {
      'script.run': { type: 'script.run', unsupported, run: execute },
      'power.reboot': { type: 'power.reboot', unsupported, run: execute },
    },
    sweep: async () => {},
    configuration: () => ({ maxConcurrentScripts: 1, streamOutput: true }),
    log: () => {},
  })
}
function command(body: CommandBody = script('bash', 'true')) {
  const id = randomUUID()
  const now = Date.now()
  const payload = JSON.stringify({
    v: 1,
    commandId: id,
    deviceId,
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + 60_000).toISOString(),
    body,
  })
  return { id, signed: { keyId: key.id, payload, signature: signText(key.key, commandMessage(payload)) } }
}
function cancelOf(cancels: string, overrides: Record<string, unknown> = {}, by = key) {
  const payload = JSON.stringify({ v: 1, cancels, deviceId, issuedAt: new Date().toISOString(), ...overrides })
  return { keyId: key.id, payload, signature: signText(by.key, cancelMessage(payload)) }
}

test('what runs is told to end, and its result says cancelled with the output so far', async () => {
  const subject = runner()
  const { id, signed } = command()
  await subject.handle(signed, reply)
  await vi.waitFor(() => expect(started).toEqual([id]))
  await subject.cancel(cancelOf(id), reply)
  await untilResult(id)
  expect(results(id)).toEqual([{ state: 'cancelled', reason: 'Cancelled while it ran', output: 'so far' }])
  expect(await journal.outcome(id)).toMatchObject({ state: 'cancelled' })
})

test('what waits for a place is cancelled at once and never runs', async () => {
  const subject = runner()
  const [first, second] = [command(), command()]
  await subject.handle(first.signed, reply)
  await subject.handle(second.signed, reply)
  await subject.cancel(cancelOf(second.id), reply)
  expect(results(second.id)).toEqual([{ state: 'cancelled', reason: 'Cancelled before it started' }])
  await subject.cancel(cancelOf(first.id), reply)
  await untilResult(first.id)
  expect(started).toEqual([first.id])
})

test('a cancel that comes while the command is being accepted keeps it from running', async () => {
  const subject = runner()
  const { id, signed } = command()
  const handled = subject.handle(signed, reply)
  await subject.cancel(cancelOf(id), reply)
  await handled
  await untilResult(id)
  expect(started).toEqual([])
  expect(results(id)).toMatchObject([{ state: 'cancelled' }])
})

test('an accepted command that was cancelled does not run after a restart', async () => {
  const { id, signed } = command()
  await journal.accepted(id, Date.now() + 60_000, signed)
  const stopped = runner()
  await stopped.stop()
  await stopped.cancel(cancelOf(id), reply)
  await journal.close()
  journal = await openJournal()
  const subject = runner()
  await subject.recover()
  await subject.welcomed(reply)
  await untilResult(id)
  expect(started).toEqual([])
  expect(await journal.outcome(id)).toMatchObject({ state: 'cancelled' })
})

test('the result of a finished command is told again, not changed', async () => {
  run = async () => ({ outcome: { state: 'succeeded', exitCode: 0, output: 'done' } })
  const subject = runner()
  const { id, signed } = command()
  await subject.handle(signed, reply)
  await untilResult(id)
  await subject.cancel(cancelOf(id), reply)
  expect(results(id)).toEqual([
    { state: 'succeeded', exitCode: 0, output: 'done' },
    { state: 'succeeded', exitCode: 0, output: 'done' },
  ])
})

test.each([['at once'], ['after a restart']])('a command that comes after its cancel is refused %s', async (when) => {
  const { id, signed } = command()
  let subject = runner()
  await subject.cancel(cancelOf(id), reply)
  expect(results(id)).toMatchObject([{ state: 'cancelled' }])
  if (when === 'after a restart') {
    await journal.close()
    journal = await openJournal()
    subject = runner()
  }
  await subject.handle(signed, reply)
  await vi.waitFor(() => expect(results(id)).toHaveLength(2))
  expect(started).toEqual([])
  expect(await journal.outcome(id)).toMatchObject({ state: 'cancelled' })
})

test('a cancel and its command at the same moment do not pass each other', async () => {
  const subject = runner()
  const { id, signed } = command()
  await Promise.all([subject.cancel(cancelOf(id), reply), subject.handle(signed, reply)])
  await untilResult(id)
  expect(started).toEqual([])
})

test.each([
  ['signed by another key', (id: string) => cancelOf(id, {}, signingKey('k'))],
  ['meant for another device', (id: string) => cancelOf(id, { deviceId: randomUUID() })],
  ['of another version', (id: string) => cancelOf(id, { v: 2 })],
  [
    'signed as a command',
    (id: string) => {
      const { keyId, payload } = cancelOf(id)
      return { keyId, payload, signature: signText(key.key, commandMessage(payload)) }
    },
  ],
])('a cancel %s changes nothing', async (_, make) => {
  const subject = runner()
  const { id, signed } = command()
  await subject.handle(signed, reply)
  await vi.waitFor(() => expect(started).toEqual([id]))
  await subject.cancel(make(id), reply)
  expect(results(id)).toEqual([])
  await subject.stop()
  expect(results(id)).toMatchObject([{ state: 'interrupted' }])
})

test('a signed command is not taken for a cancel', async () => {
  const subject = runner()
  const { id, signed } = command()
  await subject.cancel(signed, reply)
  await subject.handle(signed, reply)
  await vi.waitFor(() => expect(started).toEqual([id]))
  await subject.stop()
})

test('cancels of commands that never come are remembered within a bound', async () => {
  for (let n = 0; n <= 1000; n++) void journal.cancelled(`id-${n}`, Date.now() + 60_000)
  await journal.close()
  journal = await openJournal()
  expect([journal.isCancelled('id-0'), journal.isCancelled('id-1'), journal.isCancelled('id-1000')]).toEqual([
    false,
    true,
    true,
  ])
})
