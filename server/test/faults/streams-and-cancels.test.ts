/** Killed while a command streams or is being stopped: the pieces, the request and the result survive, each once. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { FaultPoint } from '../../src/kernel/faults.ts'
import { TestAgent } from '../agents/test-agent.ts'
import { freePort, makeFolder, removeFolder, rowsOf, ServerProcess } from './server-process.ts'

let folder: string
let port: number
let server: ServerProcess
let agent: TestAgent

const dataDir = () => join(folder, 'data')
const start = (fault?: FaultPoint) => new ServerProcess({ dataDir: dataDir(), port, ...(fault && { fault }) }).ready()

beforeAll(async () => {
  folder = makeFolder()
  port = await freePort()
  server = await start()
  expect((await server.call('create_organization', { name: 'Contoso' })).status).toBe(200)
  expect((await server.call('create_site', { organization: 'Contoso', name: 'Main' })).status).toBe(200)
  expect((await server.call('set_confirmation_policy', { policy: 'client', tool: 'run_script' })).status).toBe(200)
  const { body } = await server.call('create_enrollment_token', { organization: 'Contoso', uses: 1 })
  agent = new TestAgent(server.url)
  await agent.enroll(String(body['token']))
})
afterAll(async () => {
  agent?.socket?.terminate()
  await server?.kill('SIGKILL')
  await removeFolder(dataDir())
  rmSync(folder, { recursive: true, force: true })
})

/** To a device that is away the answer comes at once; then it connects and takes the command on. */
async function running(): Promise<{ operation: string; id: string }> {
  const { body } = await server.call('run_script', { devices: agent.deviceId, content: 'sleep 100' })
  const operation = String(body['operation'])
  await agent.connect()
  const { payload } = await agent.nextCommand()
  agent.send({ type: 'accepted', commandId: payload.commandId })
  agent.send({ type: 'started', commandId: payload.commandId, startedAt: new Date().toISOString() })
  await reads(operation, { state: 'started' })
  return { operation, id: payload.commandId }
}
const say = (commandId: string, sequence: number, text: string) =>
  agent.send({ type: 'output', commandId, sequence, text })
const reads = (operation: string, device: object) =>
  vi.waitFor(
    async () =>
      expect((await server.call('get_operation', { operation })).body).toMatchObject({ devices: [device], total: 1 }),
    10_000,
  )
const pieces = () => rowsOf(dataDir(), 'select text from device_command_output')
async function restart(fault?: FaultPoint): Promise<void> {
  await server.exited
  server = await start(fault)
}
async function offline(): Promise<void> {
  await agent.disconnect()
  await rowsOf(dataDir(), `update devices set status = 'offline' where id = $1`, [agent.deviceId])
}

test.each(['output.committed', null] as const)(
  'killed between started and the result (%s): what was streamed is there, and the result takes its place',
  async (point) => {
    if (point) {
      await server.kill('SIGKILL')
      await restart(point)
    }
    const { operation, id } = await running()
    say(id, 0, 'first ')
    if (!point) await reads(operation, { output: 'first ' })
    if (!point) await server.kill('SIGKILL')
    expect((await server.exited).signal).toBe('SIGKILL')
    await restart()
    await reads(operation, { state: 'started', output: 'first ' })
    await agent.connect()
    // Sent again, because it was not finished; the device knows it and goes on.
    expect((await agent.nextCommand()).payload.commandId).toBe(id)
    say(id, 0, 'first ')
    say(id, 1, 'second')
    await reads(operation, { state: 'started', output: 'first second' })
    agent.result(id, { output: 'first second third', outputBytes: 18 })
    await agent.next('result_recorded')
    await reads(operation, { state: 'succeeded', output: 'first second third' })
    expect(await pieces()).toEqual([])
    await offline()
  },
)

test.each(['cancel.requested', 'cancel.sent'] as const)(
  'killed at %s: the device is asked all the same, until it says what became of it',
  async (point) => {
    await server.kill('SIGKILL')
    await restart(point)
    const { operation, id } = await running()
    say(id, 0, 'half')
    await reads(operation, { output: 'half' })
    const reply = await server.call('cancel_operation', { operation }).catch(() => null)
    if (point === 'cancel.requested') expect(reply).toBeNull()
    expect((await server.exited).signal).toBe('SIGKILL')
    await restart()
    await agent.connect()
    expect((await agent.nextCommand()).payload.commandId).toBe(id)
    const { cancel } = await agent.next('cancel')
    expect(JSON.parse(cancel.payload)).toMatchObject({ cancels: id, deviceId: agent.deviceId })
    agent.result(id, { state: 'cancelled', exitCode: null, output: 'half', outputBytes: 4 })
    await agent.next('result_recorded')
    await reads(operation, { state: 'cancelled', output: 'half', reason: expect.stringMatching(/^cancelled by /) })
    await agent.disconnect()
    await agent.connect()
    expect(agent.has('command') || agent.has('cancel')).toBe(false)
    expect(await pieces()).toEqual([])
    expect((await server.call('manage_audit', { action: 'verify' })).body).toMatchObject({ ok: true })
    await offline()
  },
)
