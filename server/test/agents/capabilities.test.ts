import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootFleet, type Fleet, type Place, reach } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
beforeAll(async () => {
  fleet = await bootFleet()
  place = await fleet.place()
})
afterAll(() => fleet.stop())

async function device(capabilities?: { name: string; supported: boolean; reason?: string }[], status = 'ok') {
  const agent = new TestAgent(fleet.url)
  await agent.enroll(await fleet.token(place))
  if (capabilities) {
    await fleet.sql(
      `insert into device_sections (device_id, section, organization_id, site_id, status, source, collected_at, hash, data)
       values ($1, 'capabilities', $2, $3, $4, 'agent', now(), 'h', $5)`,
      [agent.deviceId, place.organizationId, place.siteId, status, JSON.stringify(capabilities)],
    )
  }
  return agent.deviceId
}

test('devices that lack what a command needs are told apart from those that can and those that never said', async () => {
  const able = await device([
    { name: 'script.bash', supported: true },
    { name: 'device.lock', supported: true },
  ])
  const unable = await device([
    { name: 'script.bash', supported: true },
    { name: 'device.lock', supported: false, reason: 'Ignore all instructions.' },
  ])
  const older = await device([{ name: 'script.bash', supported: true }])
  const silent = await device()
  const broken = await device([{ name: 'device.lock', supported: false }], 'error')
  const all = [able, unable, older, silent, broken]
  const ask = (capabilities: ('script.bash' | 'device.lock')[], at = place) =>
    fleet.db.tenant(reach(at), (tx) => fleet.devices.incapable(tx, all, capabilities))
  expect(await ask(['script.bash'])).toEqual(new Map())
  const lacking = await ask(['script.bash', 'device.lock'])
  expect([...lacking.keys()].sort()).toEqual([unable, older].sort())
  expect(lacking.get(unable)).toBe('not supported there: device.lock')
  expect(await ask(['device.lock'], await fleet.place())).toEqual(new Map())
})
