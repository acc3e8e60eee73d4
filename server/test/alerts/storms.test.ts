/** Many things at once are one thing to be told: sites, bursts, silence, work on purpose, servers that stop and start. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { disk, type EngineWorld, HOUR, MINUTE, openWorld, type Place } from './engine-world.ts'
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

const unsuppressed = (of: Place) => world.ofOrganization(of, `a.suppressed is null and a.status <> 'resolved'`)

describe('a site that goes dark', () => {
  it('is one alert and one message for five hundred devices, and none is left when they are back', async () => {
    const sent = await notified(world, place)
    const ids = await world.devices(place, 500)
    await world.hear(ids)
    const elsewhere = await world.device({ ...place, siteId: await world.site(place.organizationId) })
    await world.pass(12 * MINUTE, [elsewhere], 20_000)
    expect(await unsuppressed(place)).toMatchObject([
      { rule: 'site_offline', severity: 'critical', device_id: null, state: 'firing' },
    ])
    const children = await world.ofOrganization(place, 'a.device_id is not null')
    const [site] = await unsuppressed(place)
    expect(children).toHaveLength(500)
    expect(new Set(children.map((child) => `${child.suppressed} ${child.parent_id}`))).toEqual(
      new Set([`parent ${site?.id}`]),
    )
    expect(site?.detail).toMatchObject({ value: 500, threshold: 500, lost: 500 })
    expect(await sent()).toEqual([{ kind: 'alerts', alerts: 1 }])
    await world.hear(ids)
    await world.pass(7 * MINUTE, [...ids, elsewhere], 30_000)
    expect(await world.ofOrganization(place, `a.status <> 'resolved'`)).toEqual([])
    expect(await world.loud(place)).toEqual(['opened', 'resolved'])
    expect(await sent()).toEqual([
      { kind: 'alerts', alerts: 1 },
      { kind: 'resolved', alerts: 1 },
    ])
  })

  it('leaves behind those that did not come back, ten minutes later and one by one', async () => {
    const ids = await world.devices(place, 6)
    await world.hear(ids)
    await world.pass(10 * MINUTE, [], 20_000)
    const [gone = '', ...back] = ids
    await world.hear(back)
    await world.pass(9 * MINUTE, back, 30_000)
    expect(await unsuppressed(place)).toEqual([])
    await world.pass(2 * MINUTE, back, 30_000)
    expect(await unsuppressed(place)).toMatchObject([{ device_id: gone, rule: 'server_offline' }])
    expect(await world.loud(place)).toEqual(['opened', 'resolved', 'surfaced'])
  })

  it('takes over the alerts that were a moment quicker', async () => {
    await world.rule({
      signal: 'device_offline',
      condition: {},
      name: 'At once',
      scope: { organizations: [place.organizationId] },
    })
    const ids = await world.devices(place, 4)
    for (const id of ids) {
      await world.hear([id])
      world.clock.now += 8000
    }
    await world.pass(4 * MINUTE, [], 2000)
    expect(await unsuppressed(place)).toMatchObject([{ rule: 'site_offline' }])
    expect(await world.ofOrganization(place, `r.name = 'At once' and a.suppressed = 'parent'`)).toHaveLength(4)
  })

  it('is not said of people who close their laptops, nor of two machines', async () => {
    const laptops = await world.devices(place, 10, 'workstation')
    await world.hear(laptops)
    for (const id of laptops) world.parts.presence.goodbye(id, 'sleep')
    const servers = await world.devices({ ...place, siteId: await world.site(place.organizationId) }, 2)
    await world.hear(servers)
    await world.pass(9 * MINUTE, [], 20_000)
    expect(await unsuppressed(place)).toMatchObject([{ rule: 'server_offline' }, { rule: 'server_offline' }])
  })
})

describe('a device that is away', () => {
  it('alarms five minutes after it was last heard where it is a server, and its other alerts wait', async () => {
    const id = await world.device(place)
    await world.measure(id, disk(97))
    const heardAt = world.clock.now
    await world.pass(4.8 * MINUTE, [], 10_000)
    expect(await world.ofDevice(id)).toMatchObject([
      { rule: 'disk_servers', state: 'no_data', suppressed: 'device_offline' },
    ])
    await world.pass(MINUTE, [], 10_000)
    const [offline] = await world.ofDevice(id, `r.signal = 'device_offline'`)
    expect(offline).toMatchObject({ severity: 'critical', suppressed: null })
    expect(offline?.opened_at.getTime()).toBe(heardAt + 5 * MINUTE)
    await world.hear([id])
    await world.measure(id, disk(97))
    await world.pass(6 * MINUTE, [id], 20_000)
    expect(await world.ofDevice(id, `r.signal = 'device_offline'`)).toMatchObject([{ status: 'resolved' }])
    await world.measure(id, disk(97))
    expect(await world.ofDevice(id, `r.signal = 'metric'`)).toMatchObject([{ state: 'firing', suppressed: null }])
  })

  it('is missed whether its connection closed or it fell silent', async () => {
    const [closed, silent] = [await world.device(place), await world.device(place)]
    world.parts.presence.disconnected(closed)
    await world.pass(6 * MINUTE, [], 10_000)
    for (const id of [closed, silent])
      expect(await world.ofDevice(id)).toMatchObject([{ rule: 'server_offline', status: 'open', suppressed: null }])
  })

  it('that said goodbye is missed only where it is a server that is overdue', async () => {
    const server = await world.device(place)
    const off = await world.device(place)
    const workstation = await world.device(place, 'workstation')
    world.parts.presence.goodbye(server, 'reboot')
    world.parts.presence.goodbye(off, 'shutdown')
    world.parts.presence.goodbye(workstation, 'reboot')
    await world.pass(14 * MINUTE, [], 20_000)
    expect(await world.ofOrganization(place)).toEqual([])
    await world.pass(2 * MINUTE, [], 20_000)
    expect(await world.ofOrganization(place)).toMatchObject([
      { device_id: server, title: 'Offline: it did not come back after a reboot' },
    ])
  })

  it('is told of after a week where it is a workstation', async () => {
    const id = await world.device(place, 'workstation')
    await world.pass(10 * MINUTE, [], 30_000)
    expect(await world.ofDevice(id)).toEqual([])
    for (let day = 0; day < 7; day += 1) {
      world.clock.now += 24 * HOUR
      await world.settle()
      await world.settle()
    }
    expect(await world.ofDevice(id)).toMatchObject([{ rule: 'workstation_stale', severity: 'info' }])
  })
})

describe('one rule that fires everywhere', () => {
  it('is one alert for an organization, and what is left of it in the end speaks for itself', async () => {
    const ids = await world.devices(place, 30, 'workstation')
    await world.hear(ids)
    for (const id of ids) await world.measure(id, disk(92))
    const [burst, ...others] = await unsuppressed(place)
    expect(burst).toMatchObject({ rule: 'burst', severity: 'high', device_id: null })
    expect(others).toEqual([])
    expect(await world.ofOrganization(place, `a.parent_id is not null`)).toHaveLength(30)
    const left = ids.slice(0, 2)
    for (let minute = 0; minute < 18; minute += 1) {
      world.clock.now += MINUTE
      for (const id of ids) world.parts.presence.heard(id, null)
      world.parts.engine.recorded(
        ids.map((deviceId) => ({ deviceId, samples: [world.sampleOf(disk(left.includes(deviceId) ? 92 : 20))] })),
      )
      await world.settle()
    }
    expect((await unsuppressed(place)).map((alert) => alert.device_id).toSorted()).toEqual(left.toSorted())
  })
})

it('what comes and goes thirty times within an hour is told twice', async () => {
  const sent = await notified(world, place)
  const id = await world.device(place)
  for (let change = 0; change < 30; change += 1) {
    await world.measure(id, disk(change % 2 === 0 ? 97 : 10))
    await world.pass(2 * MINUTE, [id], MINUTE)
  }
  expect(await world.ofDevice(id)).toMatchObject([{ state: 'flapping', status: 'open' }])
  expect(await sent()).toEqual([
    { kind: 'alerts', alerts: 1 },
    { kind: 'alerts', alerts: 1 },
  ])
})

describe('maintenance', () => {
  const open = async (minutes: number): Promise<void> => {
    const begin = new Date(world.clock.now)
    await world.sql(
      `insert into maintenance_windows (id, partner_id, organization_id, name, recurrence, time_zone, duration_minutes, created_at,
         created_by, updated_at, updated_by) values ($1, $2, $3, 'Night', $4, 'UTC', $5, now(), $2, now(), $2)`,
      [
        world.environment.newId(),
        world.partnerId,
        place.organizationId,
        JSON.stringify({
          kind: 'once',
          date: begin.toISOString().slice(0, 10),
          time: begin.toISOString().slice(11, 16),
        }),
        minutes,
      ],
    )
    await world.parts.maintenance.refresh()
  }

  it('records a reboot and tells nobody; what came and went in it stays in the log', async () => {
    const sent = await notified(world, place)
    const id = await world.device(place)
    await open(60)
    await world.pass(10 * MINUTE, [], 20_000)
    expect(await world.ofDevice(id)).toMatchObject([{ suppressed: 'maintenance', state: 'firing' }])
    expect(await world.sql('select conditions from devices where id = $1', [id])).toMatchObject([
      { conditions: expect.arrayContaining(['maintenance']) },
    ])
    await world.hear([id])
    await world.pass(80 * MINUTE, [id], MINUTE)
    expect(await world.ofDevice(id)).toMatchObject([{ suppressed: 'maintenance', status: 'resolved' }])
    expect([await world.loud(place), await sent()]).toEqual([[], []])
    expect(await world.sql('select conditions from devices where id = $1', [id])).toMatchObject([{ conditions: [] }])
  })

  it('tells once of a device that did not return, after the end and a moment', async () => {
    const sent = await notified(world, place)
    const id = await world.device(place)
    await open(20)
    world.parts.presence.goodbye(id, 'reboot')
    await world.pass(24 * MINUTE, [], 20_000)
    expect(await unsuppressed(place)).toEqual([])
    await world.pass(3 * MINUTE, [], 20_000)
    expect(await unsuppressed(place)).toMatchObject([{ device_id: id, rule: 'server_offline' }])
    await world.pass(HOUR, [], MINUTE)
    expect(await world.loud(place)).toEqual(['surfaced'])
    expect(await sent()).toEqual([{ kind: 'alerts', alerts: 1 }])
  })
})

describe('people', () => {
  const act = (what: 'acknowledge' | 'resolve', id: string, until: Date | null = null) =>
    world.db.tenant(world.reach(place), async (tx) => {
      const done = { ids: [id], by: world.partnerId, at: world.environment.now(), note: 'mine' }
      return what === 'resolve' ? world.alerts.resolve(tx, done) : world.alerts.acknowledge(tx, { ...done, until })
    })

  it('who close what still holds are told so, and it opens anew', async () => {
    const id = await world.device(place)
    await world.measure(id, disk(97))
    const [alert] = await world.ofDevice(id)
    expect(await act('resolve', alert?.id ?? '')).toMatchObject([{ status: 'resolved', holds: true }])
    await world.pass(30_000, [id])
    await world.measure(id, disk(97))
    expect(await world.ofDevice(id, `a.status = 'open'`)).toEqual([])
    await world.pass(MINUTE, [id])
    await world.measure(id, disk(97))
    expect(await world.ofDevice(id, `a.status = 'open'`)).toMatchObject([{ detail: { reopens: alert?.id } }])
  })

  it('who close an alert of a device that is away see it again while it is', async () => {
    const id = await world.device(place)
    await world.pass(6 * MINUTE, [], 10_000)
    const [alert] = await world.ofDevice(id)
    await act('resolve', alert?.id ?? '')
    await world.pass(3 * MINUTE, [], 10_000)
    expect(await world.ofDevice(id, `a.status = 'open'`)).toEqual([])
    await world.pass(3 * MINUTE, [], 10_000)
    expect(await world.ofDevice(id, `a.status = 'open'`)).toMatchObject([{ rule: 'server_offline' }])
  })

  it('who acknowledge it have it for as long as they said', async () => {
    const id = await world.device(place)
    await world.measure(id, disk(91))
    const [alert] = await world.ofDevice(id)
    await act('acknowledge', alert?.id ?? '', new Date(world.clock.now + 10 * MINUTE))
    await world.pass(MINUTE, [id])
    await world.measure(id, disk(97))
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'acknowledged', severity: 'critical' }])
    await world.pass(10 * MINUTE, [id], 20_000)
    expect(await world.ofDevice(id)).toMatchObject([{ status: 'open' }])
    const kinds = (await world.told([alert?.id ?? ''])).map((event) => event.kind)
    expect(kinds).toEqual(expect.arrayContaining(['acknowledged', 'severity', 'unacknowledged']))
  })
})
