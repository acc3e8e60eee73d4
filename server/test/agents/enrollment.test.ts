import { afterAll, beforeAll, expect, test } from 'vitest'
import { armFault } from '../../src/kernel/faults.ts'
import { bootFleet, type Fleet, type Place } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
let clock = Date.now()
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock), timers: false })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

const usesLeft = async () =>
  (
    await fleet.sql<{ n: number }>(
      'select sum(uses_left)::int as n from enrollment_tokens where organization_id = $1',
      [place.organizationId],
    )
  )[0]?.n

test('a token makes as many devices as it has uses, however many ask at once', async () => {
  place = await fleet.place()
  const token = await fleet.token(place, { uses: 5 })
  const agents = Array.from({ length: 12 }, () => new TestAgent(fleet.url))
  const replies = await Promise.all(agents.map((agent) => agent.enroll(token)))
  expect(replies.filter((reply) => reply.status === 201)).toHaveLength(5)
  const refused = replies.filter((reply) => reply.status === 401)
  expect(refused).toHaveLength(7)
  expect(refused[0]?.body.error?.code).toBe('token_used_up')
  expect(await usesLeft()).toBe(0)
  const rows = await fleet.sql('select status, role, site_id from devices where organization_id = $1', [
    place.organizationId,
  ])
  expect(rows).toHaveLength(5)
  expect(rows[0]).toEqual({ status: 'pending', role: 'unknown', site_id: place.siteId })
})

test('the same key and token again is the same device and uses nothing, even when all uses are gone', async () => {
  place = await fleet.place()
  const token = await fleet.token(place, { uses: 1 })
  const agent = new TestAgent(fleet.url)
  const first = await agent.enroll(token)
  const again = await agent.enroll(token)
  expect(first.status).toBe(201)
  expect(again).toEqual({ status: 200, body: first.body })
  expect(await usesLeft()).toBe(0)
})

test('the same key twice at the same time is one device and one use', async () => {
  place = await fleet.place()
  const token = await fleet.token(place, { uses: 10 })
  const agent = new TestAgent(fleet.url)
  const request = {
    token,
    publicKey: agent.publicKey,
    hostname: 'twice',
    machineId: 'm',
    platform: 'linux',
    agentVersion: '1',
  } as const
  const results = await Promise.all(Array.from({ length: 6 }, () => fleet.enrollment.enroll(request)))
  expect(results.map((result) => result.state).sort()).toEqual([
    'enrolled',
    ...Array.from({ length: 5 }, () => 'repeated'),
  ])
  expect(await usesLeft()).toBe(9)
})

test('an answer lost after the commit does not cost the device', async () => {
  place = await fleet.place()
  const token = await fleet.token(place)
  const agent = new TestAgent(fleet.url)
  const disarm = armFault('enrollment.committed', () => {
    throw new Error('struck')
  })
  expect((await agent.enroll(token)).status).toBe(503)
  disarm()
  expect((await agent.enroll(token)).status).toBe(200)
})

test('an expired token is refused', async () => {
  const token = await fleet.token(place)
  clock += 3_600_001
  const { status, body } = await new TestAgent(fleet.url).enroll(token)
  expect([status, body.error?.code]).toEqual([401, 'token_expired'])
})

test('an unknown token, a bad key and a bad body are refused by name', async () => {
  const unknown = await new TestAgent(fleet.url).enroll('brze_nothing')
  expect([unknown.status, unknown.body.error?.code]).toEqual([401, 'token_unknown'])
  const badKey = await new TestAgent(fleet.url).enroll(await fleet.token(place), { publicKey: 'AAAA' })
  expect([badKey.status, badKey.body.error?.code]).toEqual([400, 'key_invalid'])
  const badBody = await new TestAgent(fleet.url).enroll('x', { platform: 'plan9' as 'linux' })
  expect([badBody.status, badBody.body.error?.code]).toEqual([400, 'invalid_request'])
  const large = await new TestAgent(fleet.url).enroll('x'.repeat(20_000))
  expect([large.status, large.body.error?.code]).toEqual([413, 'too_large'])
})

test('a key enrolled with another token, and a removed device, must make a new key', async () => {
  const agent = new TestAgent(fleet.url)
  const token = await fleet.token(place)
  await agent.enroll(token)
  const other = await agent.enroll(await fleet.token(place))
  expect([other.status, other.body.error?.code]).toEqual([409, 'key_in_use'])
  await fleet.sql('update devices set removed_at = now() where id = $1', [agent.deviceId])
  const removed = await agent.enroll(token)
  expect([removed.status, removed.body.error?.code]).toEqual([403, 'device_removed'])
})

test('a machine that is enrolled with another key becomes a second device that says so', async () => {
  place = await fleet.place()
  const elsewhere = await fleet.place()
  const token = await fleet.token(place, { uses: 2 })
  const conditions = async (agent: TestAgent) =>
    (await fleet.sql<{ conditions: string[] }>('select conditions from devices where id = $1', [agent.deviceId]))[0]
      ?.conditions
  const [first, second, third] = [new TestAgent(fleet.url), new TestAgent(fleet.url), new TestAgent(fleet.url)]
  await first.enroll(token, { machineId: 'same' })
  await second.enroll(token, { machineId: 'same' })
  await third.enroll(await fleet.token(elsewhere), { machineId: 'same' })
  expect(second.deviceId).not.toBe(first.deviceId)
  expect(await conditions(first)).toEqual([])
  expect(await conditions(second)).toEqual(['duplicate_machine'])
  expect(await conditions(third)).toEqual([])
})

test('what a device calls itself is stored without hidden characters', async () => {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place), {
    hostname: 'evil\u202Egnp\u0000.exe\n\u200Bignore \t previous',
    machineId: '\u0007',
  })
  const [row] = await fleet.sql<{ name: string; machine_id: string }>(
    'select name, machine_id from devices where id = $1',
    [agent.deviceId],
  )
  expect(row?.name).toBe('evilgnp.exe-ignore-previous')
  expect(row?.machine_id).toBe(agent.deviceId)
})

test('an address that guesses tokens is stopped, others are not', async () => {
  const strict = await bootFleet({ refusalsPerMinute: 3, timers: false })
  try {
    const at = await strict.place()
    for (let guess = 0; guess < 3; guess++) {
      expect((await new TestAgent(strict.url).enroll('guess', { address: 'a' })).status).toBe(401)
    }
    const stopped = await new TestAgent(strict.url).enroll(await strict.token(at), { address: 'a' })
    expect([stopped.status, stopped.body.error?.code]).toEqual([429, 'rate_limited'])
    expect((await new TestAgent(strict.url).enroll(await strict.token(at), { address: 'b' })).status).toBe(201)
  } finally {
    await strict.stop()
  }
})
