/** Two machines with one identity: the copy is sent away, may become a device of its own, and quarantine ends by proof. */
import { sign } from 'node:crypto'
import { CLOSE, separationMessage } from '@breeze/contract/agent-protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { bootFleet, type Fleet, newId, type Place, until } from './fleet.ts'
import { TestAgent, type Transport, TRANSPORTS } from './test-agent.ts'

let fleet: Fleet
let place: Place
let clock = Date.now()
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock) })
})
beforeEach(async () => {
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function enrolled(transport: Transport = 'web socket', more: { requiresApproval?: boolean } = {}) {
  const agent = new TestAgent(fleet.url, transport)
  await agent.enroll(await fleet.token(place, more))
  return agent
}

/** The same key on another machine. */
function copyOf(
  original: TestAgent,
  machine: { bootId: string; machineId?: string },
  transport?: Transport,
): TestAgent {
  const copy = new TestAgent(fleet.url, transport)
  return Object.assign(copy, {
    key: original.key,
    publicKey: original.publicKey,
    deviceId: original.deviceId,
    machineId: original.machineId,
    ...machine,
  })
}

const conditionsOf = async (id: string) => {
  await fleet.presence.flush()
  const [row] = await fleet.sql<{ conditions: string[] }>('select conditions from devices where id = $1', [id])
  return row?.conditions ?? []
}

async function hello(agent: TestAgent): Promise<void> {
  agent.open()
  agent.send(agent.hello((await agent.next('challenge')).nonce))
}

/** What a copy asks for, signed with the key that it copied. */
function separation(copy: TestAgent, own: TestAgent, more: { deviceId?: string; key?: TestAgent } = {}) {
  const deviceId = more.deviceId ?? copy.deviceId
  const message = separationMessage(deviceId, own.publicKey, own.machineId)
  return { deviceId, signature: sign(null, Buffer.from(message), (more.key ?? copy).key).toString('base64url') }
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('a copy with another machine id is sent away while the original lives, which is quarantined', async () => {
    const original = await enrolled(transport)
    await original.connect()
    const copy = copyOf(original, { bootId: 'boot-2', machineId: 'another machine' }, transport)
    await hello(copy)
    expect((await copy.next('error')).code).toBe('copied')
    expect(await copy.closed).toBe(CLOSE.copied)
    expect(await conditionsOf(original.deviceId)).toEqual(['quarantined'])
    // The original was not disturbed.
    original.heartbeat({ os: 'h' }, { sentAt: new Date(clock).toISOString() })
    await original.next('send_inventory')
    await original.disconnect()
  })

  test('two machines that look the same are both sent away once they went on replacing each other', async () => {
    const one = await enrolled(transport)
    const other = copyOf(one, { bootId: 'boot-2' }, transport)
    for (const agent of [one, other, one]) await agent.connect()
    expect(await conditionsOf(one.deviceId)).toEqual([])
    const first = one.closed
    await hello(other)
    expect(await other.closed).toBe(CLOSE.copied)
    expect(await first).toBe(CLOSE.copied)
    expect(await conditionsOf(one.deviceId)).toEqual(['quarantined'])
  })
})

test('a repaired machine keeps its identity, with a note, until the enrolled one returns', async () => {
  const original = await enrolled()
  await original.connect()
  // A socket that nobody closed proves nothing once it is silent.
  clock += 200_000
  const repaired = copyOf(original, { bootId: 'boot-2', machineId: 'new board' })
  await repaired.connect()
  expect(await conditionsOf(original.deviceId)).toEqual(['machine_changed'])
  await original.connect()
  expect(await repaired.closed).toBe(CLOSE.copied)
  expect(await conditionsOf(original.deviceId)).toEqual(['quarantined'])
  await original.disconnect()
})

test('quarantine ends by itself when one machine was alone for ten minutes', async () => {
  const original = await enrolled()
  await original.connect()
  await hello(copyOf(original, { bootId: 'boot-2', machineId: 'another machine' }))
  await until(async () => (await conditionsOf(original.deviceId)).includes('quarantined'))
  clock += 9 * 60_000
  original.heartbeat({ os: 'h1' }, { sentAt: new Date(clock).toISOString() })
  await original.next('send_inventory')
  expect(await conditionsOf(original.deviceId)).toEqual(['quarantined'])
  clock += 61_000
  original.heartbeat({ cpu: 'h2' }, { sentAt: new Date(clock).toISOString() })
  await original.next('send_inventory')
  expect(await conditionsOf(original.deviceId)).toEqual([])
  await original.disconnect()
})

test('what waits during quarantine is delivered when it ends, and not before', async () => {
  const original = await enrolled()
  await original.connect()
  const before = await fleet.queue(place, [original.deviceId])
  await original.nextCommand()
  await hello(copyOf(original, { bootId: 'boot-2', machineId: 'another machine' }))
  await until(async () => (await conditionsOf(original.deviceId)).includes('quarantined'))
  await expect(fleet.queue(place, [original.deviceId])).rejects.toMatchObject({ code: 'conflict' })
  await original.connect()
  original.heartbeat({ os: 'h0' }, { sentAt: new Date(clock).toISOString() })
  await original.next('send_inventory')
  expect(original.has('command')).toBe(false)
  clock += 11 * 60_000
  original.heartbeat({ os: 'h1' }, { sentAt: new Date(clock).toISOString() })
  expect((await original.nextCommand()).payload.commandId).toBe(before.ids[0])
  await original.disconnect()
})

test('a person ends it at once', async () => {
  const original = await enrolled()
  await original.connect()
  await hello(copyOf(original, { bootId: 'boot-2', machineId: 'another machine' }))
  await until(async () => (await conditionsOf(original.deviceId)).includes('quarantined'))
  await fleet.sql(`update devices set conditions = '{}' where id = $1`, [original.deviceId])
  fleet.hub.trusted([original.deviceId])
  original.heartbeat({ os: 'h1' }, { sentAt: new Date(clock).toISOString() })
  await original.next('send_inventory')
  expect(await conditionsOf(original.deviceId)).toEqual([])
  await original.disconnect()
})

describe('a copy that asks to be a device of its own', () => {
  test('becomes one in the same place, once, and waits for approval', async () => {
    const original = await enrolled()
    const copy = copyOf(original, { bootId: 'boot-2', machineId: 'another machine' })
    const own = new TestAgent(fleet.url)
    for (const status of [201, 200]) {
      const reply = await own.separate(separation(copy, own))
      expect(reply).toMatchObject({ status, body: { organizationId: place.organizationId, awaitingApproval: true } })
    }
    expect(own.deviceId).not.toBe(original.deviceId)
    const [row] = await fleet.sql('select copy_of, site_id, conditions from devices where id = $1', [own.deviceId])
    expect(row).toEqual({ copy_of: original.deviceId, site_id: place.siteId, conditions: ['awaiting_approval'] })
    await own.connect()
    await original.connect()
    await own.disconnect()
    await original.disconnect()
  })

  test('must prove the key that it copied', async () => {
    const [original, stranger] = [await enrolled(), await enrolled()]
    const own = new TestAgent(fleet.url)
    for (const wrong of [
      separation(original, own, { key: stranger }),
      separation(original, own, { deviceId: newId() }),
      separation(original, stranger),
      { deviceId: original.deviceId, signature: 'A'.repeat(86) },
    ])
      expect(await own.separate(wrong)).toMatchObject({ status: 401, body: { error: { code: 'original_unknown' } } })
    expect((await own.separate(separation(original, own), { machineId: 'not the one signed' })).status).toBe(401)
    await fleet.sql('update devices set removed_at = now() where id = $1', [original.deviceId])
    expect((await own.separate(separation(original, own))).status).toBe(401)
  })

  test('finds at most twenty others waiting', async () => {
    const original = await enrolled()
    const owns = Array.from({ length: 21 }, () => new TestAgent(fleet.url))
    const replies = await Promise.all(owns.map((own) => own.separate(separation(original, own))))
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(20)
    expect(replies.filter((reply) => reply.body.error?.code === 'too_many_copies')).toHaveLength(1)
  })

  test('can not take a key that is enrolled', async () => {
    const [original, other] = [await enrolled(), await enrolled()]
    expect((await other.separate(separation(original, other))).body.error?.code).toBe('key_in_use')
  })
})

describe('a device that waits for approval', () => {
  test('reports and stays pending; approval shows it as what it is', async () => {
    const agent = await enrolled('web socket', { requiresApproval: true })
    await agent.connect()
    agent.heartbeat({ os: 'h' }, { sentAt: new Date(clock).toISOString() })
    await agent.next('send_inventory')
    await fleet.presence.flush()
    const look = async () => {
      const [row] = await fleet.sql<{ status: string; conditions: string[]; seen: boolean }>(
        `select status, conditions, first_seen_at is not null as seen from devices where id = $1`,
        [agent.deviceId],
      )
      return row
    }
    expect(await look()).toEqual({ status: 'pending', conditions: ['awaiting_approval'], seen: true })
    await fleet.sql(`update devices set conditions = '{}' where id = $1`, [agent.deviceId])
    fleet.hub.trusted([agent.deviceId])
    await until(async () => (await look())?.status === 'online')
    await agent.disconnect()
  })

  test('is offline after approval when it is not there', async () => {
    const agent = await enrolled('web socket', { requiresApproval: true })
    await agent.connect()
    agent.send({ type: 'goodbye', reason: 'shutdown' })
    await until(async () => (await conditionsOf(agent.deviceId)).includes('shutdown_expected'))
    await fleet.sql(`update devices set conditions = '{}' where id = $1`, [agent.deviceId])
    await fleet.presence.approved([agent.deviceId])
    const [row] = await fleet.sql<{ status: string }>('select status from devices where id = $1', [agent.deviceId])
    expect(row?.status).toBe('offline')
    await agent.disconnect()
  })
})
