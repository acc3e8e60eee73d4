/** Agents get the configuration of their organization: after the welcome, and at once when it changes. */
import { DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Change } from '../../src/domains/agent-settings/service.ts'
import { bootFleet, type Fleet, newId, type Place, reach } from './fleet.ts'
import { TestAgent, type Transport, TRANSPORTS } from './test-agent.ts'

let fleet: Fleet
let place: Place
let clock = Date.now()
beforeAll(async () => {
  fleet = await bootFleet({ now: () => new Date(clock), timers: false })
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function enrolled(at: Place, transport: Transport = 'web socket'): Promise<TestAgent> {
  const agent = new TestAgent(fleet.url, transport)
  await agent.enroll(await fleet.token(at))
  return agent
}

async function set(at: Place, values: Change['values'], level: 'organization' | 'partner' = 'organization') {
  const organizationId = level === 'organization' ? at.organizationId : null
  const row = { id: newId(), partnerId: at.partnerId, organizationId, by: newId(), at: new Date(clock) }
  const access = reach(at, { partnerWide: level === 'partner' })
  await fleet.db.tenant(access, (tx) => fleet.settings.change(tx, { ...row, values }))
  await fleet.settings.refresh()
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('comes after the welcome to a device that works by another one, and to no other', async () => {
    const agent = await enrolled(place, transport)
    await agent.connect()
    const { etag, configuration } = await agent.next('configuration')
    expect(configuration).toEqual(DEFAULT_CONFIGURATION)
    agent.configurationEtag = etag
    await agent.connect()
    agent.heartbeat({ os: 'h' })
    await agent.next('send_inventory')
    expect(agent.has('configuration')).toBe(false)
    await agent.disconnect()
  })

  test('is sent to connected devices when it changes, once', async () => {
    const at = await fleet.place()
    const [agent, other] = [await enrolled(at, transport), await enrolled(place, transport)]
    await agent.connect()
    await other.connect()
    const { etag } = await agent.next('configuration')
    await other.next('configuration')
    await set(at, { maxConcurrentScripts: 9 })
    const changed = await agent.next('configuration')
    expect(changed.configuration).toEqual({ ...DEFAULT_CONFIGURATION, maxConcurrentScripts: 9 })
    await fleet.settings.refresh()
    await set(at, { maxConcurrentScripts: null })
    expect(await agent.next('configuration')).toMatchObject({ etag, configuration: DEFAULT_CONFIGURATION })
    other.heartbeat({ os: 'h' })
    await other.next('send_inventory')
    expect([agent.has('configuration'), other.has('configuration')]).toEqual([false, false])
    await agent.disconnect()
    await other.disconnect()
  })
})

test('an organization’s own values come before the partner’s, and those before the server’s', async () => {
  const [own, general] = [await fleet.place(), await fleet.place()]
  await set(own, { inventorySeconds: 120 })
  await set(own, { inventorySeconds: 900, updatesSeconds: 3600 }, 'partner')
  expect(fleet.settings.effective(own).configuration).toEqual({
    ...DEFAULT_CONFIGURATION,
    inventorySeconds: 120,
    updatesSeconds: 3600,
  })
  expect(fleet.settings.effective(general).configuration.inventorySeconds).toBe(900)
  expect(fleet.settings.effective(general).etag).not.toBe(fleet.settings.effective(own).etag)
  await set(own, { inventorySeconds: null, updatesSeconds: null }, 'partner')
  expect(fleet.settings.effective(general).configuration).toEqual(DEFAULT_CONFIGURATION)
})

test('the etag that a device works by is kept, so that laggards can be found', async () => {
  const agent = await enrolled(place)
  await agent.connect()
  const { etag } = await agent.next('configuration')
  const stored = async () => {
    await fleet.presence.flush()
    const [row] = await fleet.sql<{ etag: string | null; round_trip_ms: number | null }>(
      'select configuration_etag as etag, round_trip_ms from device_presence where device_id = $1',
      [agent.deviceId],
    )
    return row
  }
  expect(await stored()).toMatchObject({ etag: null })
  agent.heartbeat({ os: 'h' }, { configurationEtag: etag, roundTripMs: 1e300 })
  await agent.next('send_inventory')
  expect(await stored()).toEqual({ etag, round_trip_ms: 3_600_000 })
  await agent.disconnect()
})

test('a device that speaks rarely by its configuration is not taken for silent', async () => {
  const at = await fleet.place()
  await set(at, { heartbeatSeconds: 1800 })
  const agent = await enrolled(at)
  agent.open()
  agent.send(agent.hello((await agent.next('challenge')).nonce))
  expect((await agent.next('welcome')).heartbeatSeconds).toBe(1800)
  const status = async () => {
    await fleet.presence.tick()
    const [row] = await fleet.sql<{ status: string }>('select status from devices where id = $1', [agent.deviceId])
    return row?.status
  }
  for (let second = 0; second < 5390; second += 10) {
    clock += 10_000
    await fleet.presence.tick()
  }
  expect(await status()).toBe('online')
  clock += 10_000
  await fleet.presence.tick()
  clock += 10_000
  expect(await status()).toBe('offline')
  await agent.disconnect()
})
