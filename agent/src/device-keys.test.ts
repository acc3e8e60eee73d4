import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Harness } from '../test/harness.ts'
import { script } from '../test/stub-server.ts'
import { importPrivateKey, publicKeyText } from './device-key.ts'
import { rotationDueAt } from './device-keys.ts'

const DAY_MS = 86_400_000

test('keys are due after some 90 days, a fleet’s not on one day', () => {
  const days = Array.from({ length: 500 }, (_, n) => rotationDueAt(`device-${n}`, 0) / DAY_MS)
  expect(Math.min(...days)).toBeGreaterThanOrEqual(80)
  expect(Math.max(...days)).toBeLessThanOrEqual(100)
  expect(new Set(days.map(Math.floor)).size).toBe(20)
})

/** What the agent does without a word to the server is looked for again and again. */
const happened = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 15_000, interval: 20 })

describe.each(['web_socket', 'poll'] as const)('key rotation by %s', (link) => {
  let harness: Harness
  let folder: string
  beforeEach(async () => {
    harness = await Harness.start(link)
    folder = harness.folder()
  })
  afterEach(async () => {
    await harness.close()
  })

  const path = () => join(folder, 'identity.json')
  const stored = () => JSON.parse(readFileSync(path(), 'utf8'))
  const storedKey = () => publicKeyText(importPrivateKey(stored().privateKey))
  const keys = () => harness.server.keysOf(harness.server.deviceId)
  const events = (name: string) => harness.events.filter((event) => event.event === name)

  /** Enrolled, with a key that is long due. */
  async function withOldKey(): Promise<void> {
    const agent = await harness.online(folder)
    await agent.stop('stop')
    const keyCreatedAt = new Date(Date.now() - 101 * DAY_MS).toISOString()
    writeFileSync(path(), JSON.stringify({ ...stored(), keyCreatedAt }))
  }

  test('a young key stays', async () => {
    const agent = await harness.online(folder)
    await harness.server.run(script('bash', 'true'))
    await happened(() => stored().keyCreatedAt !== undefined)
    await agent.stop('stop')
    await harness.online(folder)
    await harness.server.run(script('bash', 'true'))
    expect(harness.server.count('rotate_key')).toBe(0)
  })

  test('an old key is replaced by itself, and forgotten when the server knows the new one', async () => {
    await withOldKey()
    const [before] = keys()
    const agent = await harness.online(folder)
    await happened(() => events('key_rotated').length === 1)
    await agent.stop('stop')
    expect(storedKey()).not.toBe(before)
    expect(stored().nextPrivateKey).toBeUndefined()
    await harness.online(folder)
    expect(keys()).toEqual([storedKey()])
    expect(harness.server.count('rotate_key')).toBe(1)
  })

  test('a confirmation that never came is replaced by a connection with the new key', async () => {
    await withOldKey()
    const { server } = harness
    server.rotatesKeys = 'without a word'
    await harness.online(folder)
    await server.until(() => keys().length === 2)
    expect(stored().nextPrivateKey).toBeDefined()
    server.drop()
    await server.until(() => server.welcomes === 3)
    await server.run(script('bash', 'true'))
    await happened(() => events('key_rotated').length === 1)
    expect(keys()).toEqual([storedKey()])
  })

  test('a server that never took the new key is served with the old one, without a long wait', async () => {
    await withOldKey()
    const { server } = harness
    const [before] = keys()
    server.rotatesKeys = 'no'
    await harness.online(folder)
    await server.until(() => server.count('rotate_key') === 1)
    server.drop()
    await server.until(() => server.count('rotate_key') === 2)
    expect(server.welcomes).toBe(3)
    expect(storedKey()).toBe(before)
    expect(events('device_refused')).toEqual([])
    server.rotatesKeys = 'yes'
    server.drop()
    await happened(() => events('key_rotated').length === 1)
    expect(storedKey()).not.toBe(before)
  })

  test('nothing is announced that could not be written down', async () => {
    await withOldKey()
    const { server } = harness
    const [before] = keys()
    // In the way of the file that would replace it.
    mkdirSync(`${path()}.new`)
    await harness.online(folder)
    await server.run(script('bash', 'true'))
    await happened(() => events('key_rotation_put_off').length === 1)
    expect(server.count('rotate_key')).toBe(0)
    rmSync(`${path()}.new`, { recursive: true })
    server.drop()
    await server.until(() => server.count('rotate_key') === 1)
    expect(keys()[0]).toBe(before)
  })
})
