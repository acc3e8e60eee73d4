/** A server that was killed goes on from what it stored; one that was away blames nobody; two at once are as one. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { Inventory } from '../../src/domains/devices/inventory.ts'
import { Metrics } from '../../src/domains/metrics/service.ts'
import { disk, type EngineWorld, MINUTE, openWorld, type Place } from './engine-world.ts'
import { notified } from './notified.ts'

let world: EngineWorld
let place: Place
beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  place = await world.organization()
  world.alongside.length = 0
})
afterAll(() => world.stop())

const service = (state: 'running' | 'stopped') => ({
  name: 'Spooler',
  displayName: null,
  state,
  start: 'automatic' as const,
  manager: 'windows' as const,
  pid: null,
})
it('alarms for no device because the server was away for ten minutes, and for the one that is really gone', async () => {
  const sent = await notified(world, place)
  const ids = await world.devices(place, 8)
  await world.hear(ids)
  await world.pass(MINUTE, ids)
  world.blink(10 * MINUTE)
  await world.restart()
  const [gone = '', ...others] = ids
  await world.pass(MINUTE, [], 10_000)
  await world.pass(4 * MINUTE, others, 30_000)
  expect([await world.ofOrganization(place), await sent()]).toEqual([[], []])
  await world.pass(20 * MINUTE, others, MINUTE)
  expect(await world.ofOrganization(place)).toMatchObject([{ device_id: gone, rule: 'server_offline' }])
  expect(await sent()).toEqual([{ kind: 'alerts', alerts: 1 }])
})

it('looks at samples and facts that were stored by a server that did not live to look at them', async () => {
  const id = await world.device(place)
  await world.report(id, 'services', [service('running')])
  await world.pass(15_000, [id])
  const at = world.clock.now
  // As the killed server's parts would have stored them, with nobody to listen.
  const metrics = new Metrics({ db: world.db, now: world.environment.now, log: world.log })
  await metrics.record({ deviceId: id, samples: [world.sampleOf(disk(97))] })
  const inventory = new Inventory({ db: world.db, events: world.events, now: world.environment.now })
  const content = { status: 'ok' as const, source: 'test', collectedAt: world.environment.now().toISOString() }
  await inventory.record({
    deviceId: id,
    sections: { services: { ...content, data: [service('stopped')] } },
    hashes: { services: 'unheard' },
  })
  await world.restart()
  expect(await world.ofDevice(id)).toMatchObject([
    // Times of samples are stored by the half minute.
    { rule: 'disk_servers', severity: 'critical', opened_at: new Date(at - (at % 30_000)) },
  ])
  await world.pass(70_000, [id])
  expect(await world.ofDevice(id, `r.signal = 'service_stopped'`)).toMatchObject([{ title: 'Service Spooler stopped' }])
  // Looked at twice, counted once.
  await world.restart()
  expect(await world.ofDevice(id, `r.signal = 'metric'`)).toMatchObject([{ occurrences: 1 }])
})

it('goes on counting what held, what was clearing and what was away', async () => {
  const [busy, calm, away] = [await world.device(place), await world.device(place), await world.device(place)]
  const both = async (count: number): Promise<void> => {
    for (let minute = 0; minute < count; minute += 1) {
      await world.pass(MINUTE, [busy, calm], 30_000)
      await world.measure(busy, { cpuPercent: 99 })
      await world.measure(calm, disk(10))
    }
  }
  await world.measure(calm, disk(97))
  await both(1)
  const began = world.clock.now
  await both(3)
  await world.restart()
  await both(1)
  await world.restart()
  expect(await world.ofDevice(calm)).toMatchObject([{ state: 'clearing' }])
  await both(6)
  expect(await world.ofDevice(busy, `r.built_in = 'cpu'`)).toMatchObject([{ opened_at: new Date(began + 10 * MINUTE) }])
  const [alert] = await world.ofDevice(calm)
  const [resolved] = await world.told([alert?.id ?? '']).then((all) => all.filter((event) => event.kind === 'resolved'))
  expect(resolved?.at.getTime()).toBe(began + 5 * MINUTE)
  expect(await world.ofDevice(away)).toMatchObject([{ rule: 'server_offline' }])
})

it('remembers that something flaps', async () => {
  const id = await world.device(place)
  for (const used of [97, 10, 97, 10]) {
    await world.pass(2 * MINUTE, [id], 30_000)
    await world.measure(id, disk(used))
  }
  expect(await world.ofDevice(id)).toMatchObject([{ state: 'flapping' }])
  await world.restart()
  await world.pass(2 * MINUTE, [id], 30_000)
  await world.measure(id, disk(97))
  expect(await world.ofDevice(id)).toMatchObject([{ state: 'flapping', status: 'open' }])
  expect(await world.loud(place)).toEqual(['opened', 'flapping'])
})

it('knows a dark site again, and who belongs to it', async () => {
  const ids = await world.devices(place, 5)
  await world.hear(ids)
  await world.pass(6 * MINUTE, [], 10_000)
  await world.restart()
  await world.hear(ids)
  await world.pass(7 * MINUTE, ids, 20_000)
  expect(await world.ofOrganization(place, `a.status <> 'resolved'`)).toEqual([])
  expect(await world.loud(place)).toEqual(['opened', 'resolved'])
})

it('opens one alert where two servers see the same, and both go on with it', async () => {
  const id = await world.device(place)
  const first = world.parts
  const second = await world.assemble()
  const report = [{ deviceId: id, samples: [world.sampleOf(disk(97))] }]
  for (const { engine } of [first, second]) engine.recorded(report)
  await Promise.all([first.engine.idle(), second.engine.idle()])
  const open = await world.ofDevice(id)
  expect(open).toMatchObject([{ status: 'open', severity: 'critical' }])
  expect((await world.told(open.map((alert) => alert.id))).map((event) => event.kind)).toEqual(['opened'])
  for (let minute = 0; minute < 7; minute += 1) {
    world.clock.now += MINUTE
    for (const { engine } of [first, second]) engine.recorded([{ deviceId: id, samples: [world.sampleOf(disk(10))] }])
    await Promise.all([first.engine.idle(), second.engine.idle()])
  }
  expect(await world.ofDevice(id)).toMatchObject([{ status: 'resolved' }])
})
