import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { cancelMessage, type CommandBody, type SignedCommand } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Harness } from '../test/harness.ts'
import { commandId, script } from '../test/stub-server.ts'
import { powerRecordPath } from './commands/power.ts'
import { EXECUTION_TAG } from './commands/process-tree.ts'
import { signText } from './device-key.ts'
import { hasEnvironment, readProcesses } from './platform/linux-processes.ts'

/** Whole agents on a stub of the server: what a script does is what a person at the other end is told. */
let harness: Harness
beforeEach(async () => {
  harness = await Harness.start()
})
afterEach(async () => {
  await harness.close()
})

function cancel(id: string): void {
  const { server } = harness
  const issuedAt = new Date().toISOString()
  const payload = JSON.stringify({ v: 1, cancels: id, deviceId: server.deviceId, issuedAt })
  const signature = signText(server.signing.key, cancelMessage(payload))
  server.send({ type: 'cancel', cancel: { keyId: server.signing.id, payload, signature } })
}
function deliver(body: CommandBody): { id: string; command: SignedCommand } {
  const command = harness.server.sign(body)
  harness.server.deliver(command)
  return { id: commandId(command), command }
}
const chunks = (id: string) =>
  harness.server.frames.flatMap((frame) => (frame.type === 'output' && frame.commandId === id ? [frame.text] : []))
const members = (id: string) =>
  readProcesses().filter((p) => p.state !== 'Z' && hasEnvironment(p.pid, `${EXECUTION_TAG}=${id}`))

test('a script is watched while it runs, and cancelled with all that it started', async () => {
  await harness.online()
  const { server } = harness
  const { id } = deliver(
    script(
      'bash',
      'echo one; setsid -f sleep 300; (setsid sleep 301 &); sleep 0.6; echo two; trap "" TERM; sleep 302; echo three',
    ),
  )
  await server.until(() => chunks(id).join('') === 'one\ntwo\n')
  expect(server.results.has(id)).toBe(false)
  expect(members(id).length).toBeGreaterThanOrEqual(3)
  cancel(id)
  expect(await server.result(id)).toMatchObject({ state: 'cancelled', exitCode: null, output: 'one\ntwo\n' })
  expect(members(id)).toEqual([])
})

test('a timeout ends the tree and keeps what was written', async () => {
  await harness.online()
  const { id } = deliver(script('bash', 'echo kept; setsid -f sleep 300; sleep 301', { timeoutSeconds: 1 }))
  expect(await harness.server.result(id)).toMatchObject({ state: 'timed_out', output: 'kept\n', exitCode: null })
  expect(members(id)).toEqual([])
})

test('a flood is kept to a megabyte, streamed within it, and does not hold the heartbeat up', async () => {
  harness.server.heartbeatSeconds = 1
  await harness.online()
  const { server } = harness
  const before = server.count('heartbeat')
  const { id } = deliver(script('bash', 'yes', { timeoutSeconds: 3 }))
  const outcome = await server.result(id)
  expect(outcome).toMatchObject({ state: 'timed_out', truncated: true })
  expect(outcome.output).toHaveLength(1_000_000)
  expect(outcome.outputBytes).toBeGreaterThan(1_000_000)
  expect(chunks(id).join('')).toBe(outcome.output)
  expect(server.count('heartbeat') - before).toBeGreaterThanOrEqual(2)
})

test('what streams while the connection is down is dropped, and the result carries all of it', async () => {
  await harness.online()
  const { server } = harness
  const { id } = deliver(script('bash', 'for i in $(seq 12); do echo line $i; sleep 0.1; done'))
  await server.until(() => chunks(id).length > 0)
  server.drop()
  const { output } = await server.result(id)
  expect(output?.split('\n')).toHaveLength(13)
})

test('a command that waits is cancelled at once, and one that is to come is refused', async () => {
  await harness.online()
  const { server } = harness
  const running = Array.from({ length: 4 }, () => deliver(script('bash', 'sleep 300')).id)
  await server.until(() => server.count('started') === 4)
  const waiting = deliver(script('bash', 'echo never'))
  await server.until(() => server.count('accepted', waiting.id) === 1)
  cancel(waiting.id)
  expect(await server.result(waiting.id)).toEqual({ state: 'cancelled', reason: 'Cancelled before it started' })
  expect(server.count('started', waiting.id)).toBe(0)
  const later = server.sign(script('bash', 'echo never'))
  cancel(commandId(later))
  await server.result(commandId(later))
  server.deliver(later)
  await server.until(() => server.results.get(commandId(later))?.length === 2)
  expect(server.count('started', commandId(later))).toBe(0)
  for (const id of running) cancel(id)
  for (const id of running) expect(await server.result(id)).toMatchObject({ state: 'cancelled' })
})

test('a cancel of what the stopped agent had not begun holds for the next one', async () => {
  const folder = harness.folder()
  const first = await harness.online(folder)
  const { server } = harness
  const id = randomUUID()
  cancel(id)
  await server.result(id)
  await first.stop('stop')
  await harness.online(folder)
  server.deliver(server.sign(script('bash', 'echo never'), { commandId: id }))
  await server.until(() => server.results.get(id)?.length === 2)
  expect(server.results.get(id)?.[1]).toMatchObject({ state: 'cancelled' })
  expect(server.count('started', id)).toBe(0)
})

test('the result of a finished script is told again when it is cancelled too late', async () => {
  await harness.online()
  const { server } = harness
  const { id } = deliver(script('bash', 'echo done'))
  await server.result(id)
  cancel(id)
  await server.until(() => server.results.get(id)?.length === 2)
  expect(server.results.get(id)?.[1]).toMatchObject({ state: 'succeeded', exitCode: 0 })
})

test('a reboot is cancelled until it acts', async () => {
  const folder = harness.folder()
  await harness.online(folder)
  const { server } = harness
  const { id } = deliver({ type: 'power.reboot', args: { delaySeconds: 3600, reason: 'test' } })
  await server.until(() => server.count('started', id) === 1)
  cancel(id)
  expect(await server.result(id)).toMatchObject({ state: 'cancelled' })
  await sleep(50)
  expect(existsSync(powerRecordPath(folder))).toBe(false)
})

test('every executor of this machine says whether it can do its work', async () => {
  await harness.online()
  const { server } = harness
  server.send({ type: 'send_inventory', sections: ['capabilities'] })
  await server.until(() => server.count('inventory') === 1)
  const data = server.frames.find((frame) => frame.type === 'inventory')?.sections.capabilities?.data ?? []
  const supported = new Map(data.map((item) => [item.name, item.supported]))
  for (const name of ['script.bash', 'script.run_as', 'files.put', 'files.read', 'service.control'] as const) {
    expect([name, supported.get(name)]).toEqual([name, true])
  }
  expect(data.find(({ name }) => name === 'device.lock')).toEqual({
    name: 'device.lock',
    supported: false,
    reason: 'no login manager runs on this device',
  })
  expect(await server.run({ type: 'device.lock', args: {} })).toEqual({
    state: 'rejected',
    reason: 'unsupported: no login manager runs on this device',
  })
})
