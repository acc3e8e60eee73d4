import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CLOSE } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Harness } from '../test/harness.ts'
import { commandId, script } from '../test/stub-server.ts'
import { renewedMachineId, stableMachineId } from './machine-id.ts'

/** What the agent does without a word to the server is looked for again and again. */
const happened = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 15_000, interval: 20 })

describe.each(['web_socket', 'poll'] as const)('a copy of a machine, by %s', (link) => {
  let harness: Harness
  beforeEach(async () => {
    harness = await Harness.start(link)
  })
  afterEach(async () => {
    await harness.close()
  })

  const events = (name: string) => harness.events.filter((event) => event.event === name)
  const stored = (folder: string) => JSON.parse(readFileSync(join(folder, 'identity.json'), 'utf8'))

  /** The original's folder at a moment when it has a result the server did not confirm, on another machine. */
  async function copyOfBusyMachine() {
    const { server } = harness
    server.recordsResults = false
    const original = harness.folder()
    const agent = await harness.online(original)
    const command = server.sign(script('bash', 'echo original'))
    server.deliver(command)
    await server.result(commandId(command))
    await agent.stop('stop')
    server.recordsResults = true
    const copy = harness.folder()
    cpSync(original, copy, { recursive: true })
    return { copy, deviceId: agent.deviceId, commandId: commandId(command) }
  }

  test('becomes a device of its own, which waits for approval and keeps nothing of the other’s', async () => {
    const { server } = harness
    const { copy, deviceId, commandId: id } = await copyOfBusyMachine()
    server.copied.add(deviceId)
    const agent = await harness.online(copy, { token: undefined })
    await happened(() => agent.deviceId !== deviceId)
    expect(stored(copy)).toMatchObject({ deviceId: agent.deviceId })
    expect(stored(copy).separationPrivateKey).toBeUndefined()
    expect(stored(copy).foreignJournal).toBeUndefined()
    expect(events('separated')).toMatchObject([{ remedy: expect.stringContaining('approve') }])
    const outcome = await server.run(script('bash', 'echo own'), { deviceId: agent.deviceId })
    expect(outcome).toMatchObject({ state: 'succeeded', output: 'own\n' })
    expect(server.results.get(id)).toHaveLength(1)
    expect(readFileSync(join(copy, 'journal.original.ndjson'), 'utf8')).toContain(id)
    expect(readFileSync(join(copy, 'journal.ndjson'), 'utf8')).not.toContain(id)
    expect(server.keysOf(deviceId)).toHaveLength(1)
  })

  test('is told by the code of an error just as well', async () => {
    const { server } = harness
    const agent = await harness.online()
    const { deviceId } = agent
    server.send({ type: 'error', code: 'copied', message: 'two machines' })
    await happened(() => events('server_error').length === 1)
    server.drop()
    await happened(() => agent.deviceId !== deviceId)
    await server.until(() => server.devices.size === 2)
  })

  test('goes on knocking when it may not become one, and asks with the same key each time', async () => {
    const { server } = harness
    const { copy, deviceId } = await copyOfBusyMachine()
    server.copied.add(deviceId)
    server.refuseEnrollment = { status: 403, body: { error: { code: 'not_copied', message: 'no' } } }
    const timing = { reconnectBaseMs: 20, refusedMs: 50 }
    const agent = await harness.agent(copy, { token: undefined, timing })
    await server.until(() => server.enrollRequests >= 3)
    expect(agent.deviceId).toBe(deviceId)
    expect(existsSync(join(copy, 'journal.original.ndjson'))).toBe(false)
    server.refuseEnrollment = undefined
    await server.until(() => server.devices.size === 2)
    expect(events('disconnected').some((event) => event['code'] === CLOSE.copied)).toBe(true)
  })
})

describe('the machine id', () => {
  const none = () => Promise.resolve(undefined)

  test('is the system’s where there is one', async () => {
    expect(await stableMachineId('/nowhere', () => Promise.resolve('of the system'))).toBe('of the system')
  })

  test('is made once where there is none, and made anew for a copy', async () => {
    const harness = await Harness.start()
    const folder = harness.folder()
    const made = await stableMachineId(folder, none)
    expect(made).toMatch(/^made-/)
    expect(await stableMachineId(folder, none)).toBe(made)
    const renewed = await renewedMachineId(folder, none)
    expect(renewed).not.toBe(made)
    expect(await stableMachineId(folder, none)).toBe(renewed)
    await harness.close()
  })
})
