/** A device changes its key: the old one is good until the new one was used once. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { CLOSE, rotationMessage } from '@breeze/contract/agent-protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootFleet, type Fleet, type Place } from './fleet.ts'
import { TestAgent, type Transport, TRANSPORTS } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function connected(transport: Transport): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url, transport)
  await agent.enroll(await fleet.token(place))
  await agent.connect()
  return agent
}

interface Key {
  key: KeyObject
  publicKey: string
}
function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { key: privateKey, publicKey: publicKey.export({ format: 'jwk' }).x ?? '' }
}

function announce(agent: TestAgent, { key, publicKey }: Key): void {
  const signature = sign(null, Buffer.from(rotationMessage(agent.deviceId, publicKey)), key).toString('base64url')
  agent.send({ type: 'rotate_key', publicKey, signature })
}

async function isLetIn(agent: TestAgent, { key, publicKey }: Key): Promise<boolean> {
  Object.assign(agent, { key, publicKey })
  agent.open()
  agent.send(agent.hello((await agent.next('challenge')).nonce))
  const outcome = await Promise.race([agent.next('welcome').catch(() => null), agent.closed])
  return typeof outcome === 'object'
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('either key opens until the new one was used, then only that', async () => {
    const agent = await connected(transport)
    const { key, publicKey } = agent
    const [old, next] = [{ key, publicKey }, newKey()]
    announce(agent, next)
    expect((await agent.next('key_rotated')).publicKey).toBe(next.publicKey)
    expect(await isLetIn(agent, old)).toBe(true)
    expect(await isLetIn(agent, next)).toBe(true)
    expect(await isLetIn(agent, old)).toBe(false)
    expect(await agent.closed).toBe(CLOSE.authenticationFailed)
    expect(await isLetIn(agent, next)).toBe(true)
    await agent.disconnect()
  })

  test('an announcement that comes again is answered again', async () => {
    const agent = await connected(transport)
    const next = newKey()
    for (let time = 0; time < 3; time++) {
      announce(agent, next)
      await agent.next('key_rotated')
    }
    expect(await isLetIn(agent, next)).toBe(true)
    announce(agent, next)
    await agent.next('key_rotated')
    expect(await isLetIn(agent, next)).toBe(true)
    await agent.disconnect()
  })
})

test('the last announced key counts', async () => {
  const agent = await connected('web socket')
  const [first, second] = [newKey(), newKey()]
  for (const key of [first, second]) {
    announce(agent, key)
    await agent.next('key_rotated')
  }
  expect(await isLetIn(agent, first)).toBe(false)
  expect(await isLetIn(agent, second)).toBe(true)
  await agent.disconnect()
})

test('a key that did not sign its announcement ends the connection', async () => {
  const agent = await connected('web socket')
  announce(agent, { key: agent.key, publicKey: newKey().publicKey })
  expect((await agent.next('error')).code).toBe('bad_key')
  expect(await agent.closed).toBe(CLOSE.protocolError)
})

test("another device's key is refused, its next one too", async () => {
  const [one, other] = [await connected('web socket'), await connected('web socket')]
  announce(one, other)
  expect((await one.next('error')).code).toBe('key_in_use')
  const next = newKey()
  announce(other, next)
  await other.next('key_rotated')
  announce(one, next)
  expect((await one.next('error')).code).toBe('key_in_use')
  const enrolling = Object.assign(new TestAgent(fleet.url), next)
  expect((await enrolling.enroll(await fleet.token(place))).body.error?.code).toBe('key_in_use')
  await one.disconnect()
  await other.disconnect()
})

test('two devices that announce one key at once do not both get it', async () => {
  const [one, other] = [await connected('web socket'), await connected('web socket')]
  const next = newKey()
  announce(one, next)
  announce(other, next)
  const answers = await Promise.all(
    [one, other].map((agent) => Promise.race([agent.next('key_rotated'), agent.next('error')])),
  )
  expect(answers.map((frame) => frame.type).toSorted()).toEqual(['error', 'key_rotated'])
  await one.disconnect()
  await other.disconnect()
})
