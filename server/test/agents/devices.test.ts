import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeviceFilter, DevicePage } from '../../src/domains/devices/service.ts'
import type { Tx } from '../../src/kernel/db.ts'
import { bootFleet, type Fleet, newId, type Place, reach } from './fleet.ts'

let fleet: Fleet
let contoso: Place
let fabrikam: Place
beforeAll(async () => {
  fleet = await bootFleet({ timers: false })
  contoso = await fleet.place()
  fabrikam = await fleet.place()
  await fill(contoso, 257, 'Contoso')
  await fill(fabrikam, 30, 'Fabrikam')
})
afterAll(() => fleet.stop())

/** Every third device online, every third offline, the rest never seen; some share a name. */
async function fill(at: Place, count: number, prefix: string): Promise<void> {
  await fleet.sql(
    `insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, os, role, agent_version, status, first_seen_at)
     select gen_random_uuid(), $1, $2, $3 || '-' || (n / 2), n::text, sha256(($3 || n)::bytea), 'linux',
       case n % 5 when 0 then 'Windows 100% Pro' else 'Debian 12' end, case n % 7 when 0 then 'server' else 'workstation' end, '1',
       (array['online', 'offline', 'pending'])[n % 3 + 1], case when n % 3 < 2 then now() end
     from generate_series(1, $4::int) n`,
    [at.organizationId, at.siteId, prefix, count],
  )
  await fleet.sql(
    `insert into device_presence (device_id, organization_id, site_id, last_seen_at)
     select id, organization_id, site_id, '2027-01-01'::timestamptz + (machine_id::int / 3) * interval '1 minute'
     from devices where status <> 'pending' and organization_id = $1`,
    [at.organizationId],
  )
}

const find = (what: string) => fleet.db.tenant(reach(contoso), (tx) => fleet.devices.findDevice(tx, what))

let statements = 0
function list(at: Place, filter: DeviceFilter, page: DevicePage, more = {}) {
  statements = 0
  return fleet.db.tenant(reach(at, more), (tx) => fleet.devices.listDevices(counting(tx), filter, page))
}
const count =
  <A extends unknown[], R>(call: (...values: A) => R) =>
  (...values: A): R => {
    statements += 1
    return call(...values)
  }
function counting(tx: Tx): Tx {
  return {
    all: count(tx.all.bind(tx)) as Tx['all'],
    first: count(tx.first.bind(tx)) as Tx['first'],
    run: count(tx.run.bind(tx)),
    prepared: count(tx.prepared.bind(tx)) as Tx['prepared'],
    afterCommit: (action) => tx.afterCommit(action),
  }
}

async function walk(at: Place, filter: DeviceFilter, page: Omit<DevicePage, 'limit' | 'cursor'>, limit = 20) {
  const devices = []
  let cursor: string | undefined
  for (;;) {
    const found = await list(at, filter, { ...page, limit, cursor })
    devices.push(...found.devices)
    if (!found.cursor) return { devices, last: found }
    cursor = found.cursor
  }
}

test('the pages of a list hold every device once, in order, with the right total', async () => {
  for (const descending of [false, true]) {
    const { devices, last } = await walk(contoso, {}, { descending })
    expect(new Set(devices.map((device) => device.id)).size).toBe(257)
    expect(last).toMatchObject({
      total: 257,
      totalIsLowerBound: false,
      counts: { online: 85, offline: 86, pending: 86 },
    })
    const keys = devices.map((device) => device.name.toLowerCase() + device.id)
    const [order] = await fleet.sql<{ keys: string[] }>(
      `select array_agg(lower(name) || id order by lower(name), id) as keys from devices where organization_id = $1`,
      [contoso.organizationId],
    )
    expect(descending ? keys.toReversed() : keys).toEqual(order?.keys)
  }
  expect(statements).toBe(1)
})

test('devices added or removed while paging shift nobody else', async () => {
  const at = await fleet.place()
  await fill(at, 60, 'Shift')
  const first = await list(at, {}, { limit: 20 })
  const [gone] = first.devices
  await fleet.sql('update devices set removed_at = now() where id = $1', [gone?.id])
  await fleet.sql(
    `insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, agent_version)
     values ($1, $2, $3, 'AAA', 'x', sha256('shift'), 'linux', '1')`,
    [newId(), at.organizationId, at.siteId],
  )
  const second = await list(at, {}, { limit: 100, cursor: first.cursor ?? '' })
  expect(new Set([...first.devices, ...second.devices].map((device) => device.id)).size).toBe(60)
  expect(second.total).toBe(60)
})

test('sorted by last seen, those never seen come last and none is missing', async () => {
  for (const descending of [true, false]) {
    const { devices } = await walk(contoso, {}, { sort: 'last_seen', descending })
    expect(new Set(devices.map((device) => device.id)).size).toBe(257)
    const seen = devices.flatMap((device) => (device.lastSeenAt ? [device.lastSeenAt] : []))
    expect(devices.slice(seen.length).every((device) => device.lastSeenAt === null)).toBe(true)
    expect(seen).toHaveLength(171)
    expect(seen).toEqual(descending ? seen.toSorted().toReversed() : seen.toSorted())
  }
})

test('filters agree with each other and with their totals', async () => {
  const cases: [DeviceFilter, number][] = [
    [{ statuses: ['online'] }, 85],
    [{ statuses: ['online', 'offline'] }, 171],
    [{ organizationIds: [contoso.organizationId] }, 257],
    [{ organizationIds: [fabrikam.organizationId] }, 0],
    [{ organizationIds: [] }, 0],
    [{ siteIds: [contoso.siteId], statuses: ['pending'] }, 86],
    [{ os: 'windows 100%' }, 51],
    [{ os: '100_' }, 0],
    [{ text: 'contoso-12' }, 2 + 18],
    [{ roles: ['server'] }, 36],
    [{ simulated: true }, 0],
    [{ conditions: ['shutdown_expected'] }, 0],
    [{ lastSeenBefore: new Date('2027-01-01T00:10:00Z') }, 19],
    [{ lastSeenAfter: new Date('2027-01-01T00:10:00Z'), statuses: ['online'] }, 75],
    [{ firstSeenAfter: new Date('2020-01-01') }, 171],
  ]
  for (const [filter, total] of cases) {
    const { devices, last } = await walk(contoso, filter, {}, 50)
    expect([filter, last.total, devices.length]).toEqual([filter, total, total])
    const { online = 0, offline = 0, pending = 0 } = last.counts ?? {}
    expect(online + offline + pending).toBe(total)
    expect(statements).toBe(1)
  }
})

test('a cursor of another order or filter is refused', async () => {
  const { cursor } = await list(contoso, {}, { limit: 5 })
  const wrong = { limit: 5, cursor: cursor ?? '' }
  await expect(list(contoso, {}, { ...wrong, sort: 'last_seen' })).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(list(contoso, { os: 'x' }, wrong)).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(list(contoso, {}, { limit: 5, cursor: 'junk' })).rejects.toMatchObject({ code: 'invalid_input' })
})

test('a device is found by id or exact name; a shared name gives the candidates', async () => {
  const shared = await find('contoso-3')
  expect(shared.match).toBe('candidates')
  if (shared.match !== 'candidates') return
  expect(shared.candidates.map((device) => device.name)).toEqual(['Contoso-3', 'Contoso-3'])
  const one = await find(shared.candidates[0]?.id ?? '')
  expect(one).toEqual({ match: 'one', device: shared.candidates[0] })
  expect(await find('CONTOSO-0')).toMatchObject({ match: 'one', device: { name: 'Contoso-0', siteName: 'Main' } })
  for (const nothing of ['Fabrikam-0', 'Contoso', '%', newId()]) expect(await find(nothing)).toEqual({ match: 'none' })
})

test('targets say what weighs more and what would wait', async () => {
  const found = await fleet.db.tenant(reach(contoso), (tx) =>
    fleet.devices.targetsByFilter(tx, { roles: ['server'] }, 30),
  )
  expect(found.more).toBe(true)
  expect(found.targets).toHaveLength(30)
  expect(found.targets.every((target) => target.critical === 'server')).toBe(true)
  expect(
    found.targets.filter((target) => target.status === 'online').every((target) => target.caveat === undefined),
  ).toBe(true)
  expect(found.targets.some((target) => target.caveat?.startsWith('offline'))).toBe(true)
})

test('whoever sees one site sees its devices and its totals only', async () => {
  const other = newId()
  await fleet.sql('insert into sites (id, organization_id, name) values ($1, $2, $3)', [
    other,
    fabrikam.organizationId,
    'Branch',
  ])
  await fleet.sql(`update devices set site_id = $1 where organization_id = $2 and name = 'Fabrikam-1'`, [
    other,
    fabrikam.organizationId,
  ])
  const limited = { whole: [], limited: [fabrikam.organizationId], sites: [other] }
  const found = await list(fabrikam, {}, { limit: 100 }, limited)
  expect(found.devices.map((device) => device.name)).toEqual(['Fabrikam-1', 'Fabrikam-1'])
  expect(found.total).toBe(2)
})
