/** A thousand devices that misbehave as devices and networks do: nothing is lost, nothing happens twice, all come back. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Provision, type RunningSimulation, runSimulation } from '../../../agent/src/simulator/simulation.ts'
import { bootFleet, type Fleet, newId, type Place, until } from './fleet.ts'

const MANY = 1000
const PATIENCE_MS = 60_000
const THREE_DAYS_MS = 3 * 86_400_000
const LINES = { type: 'processes.list', args: { sort: 'cpu', limit: 5 } } as const

let fleet: Fleet
let simulation: RunningSimulation
let living: number
const places = new Map<string, Place>()

/** Whatever is said of a command is said twice and each command arrives twice; clocks are off by up to three days. */
const quirks = { packages: 20, twice: true, clockSkewMs: THREE_DAYS_MS }

beforeAll(async () => {
  fleet = await bootFleet({ heartbeatSeconds: 5, graceMs: 15_000 })
  simulation = await runSimulation({
    server: fleet.url,
    provision: provisionOf(fleet),
    devices: MANY,
    seed: 'storm',
    quirks,
    timing: { connectsPerSecond: 1000, connection: { reconnectBaseMs: 500, minimumKeepaliveMs: 5000 } },
  })
  living = simulation.devices.filter((device) => device.state === 'online').length
  await until(() => simulation.statistics().connected === living, PATIENCE_MS)
})
afterAll(async () => {
  await simulation?.stop()
  await fleet?.stop()
})

const count = async (condition: string, values: unknown[] = []): Promise<number> => {
  const rows = await fleet.sql<{ n: number }>(`select count(*)::int as n from ${condition}`, values)
  return rows[0]?.n ?? 0
}
const online = (): Promise<number> => count(`devices where status = 'online'`)
const refusals = (): string[] => Object.keys(simulation.statistics().errors).filter((reason) => / \d{3}$/.test(reason))

/** To every device that is online. Answers the operations. */
async function command(): Promise<string[]> {
  const operations: string[] = []
  const byOrganization = new Map([...places.values()].map((place) => [place.organizationId, place]))
  for (const place of byOrganization.values()) {
    const rows = await fleet.sql<{ id: string }>(
      `select id from devices where organization_id = $1 and status = 'online'`,
      [place.organizationId],
    )
    const ids = rows.map((row) => row.id)
    operations.push((await fleet.queue(place, ids, LINES)).operationId)
  }
  return operations
}

const finished = (operations: readonly string[]): Promise<number> =>
  count(`device_commands where operation_id = any ($1::uuid[]) and state = 'succeeded'`, [operations])

test('all that shall be online are, over few database connections', async () => {
  await until(async () => (await online()) === living, PATIENCE_MS)
  expect(fleet.hub.connected).toBe(living)
  expect(fleet.db.usage().owner.total).toBeLessThanOrEqual(6)
})

test('a device is seen by the clock of the server, whatever its own says', async () => {
  await until(() => count('device_presence where clock_skew_ms is not null').then((n) => n >= living), PATIENCE_MS)
  expect(await count(`device_presence where abs(clock_skew_ms) > 3600000`)).toBeGreaterThan(living / 2)
  expect(await count(`device_presence where abs(extract(epoch from now() - last_seen_at)) > 3600`)).toBe(0)
})

test('a command to all runs once on each, though it arrives twice and its result too', async () => {
  const before = simulation.statistics().carriedOut
  const operations = await command()
  await until(async () => (await finished(operations)) === living, PATIENCE_MS)
  expect(simulation.statistics().carriedOut - before).toBe(living)
})

test('all lose their connection at once while commands are under way: all return, and no result is missing', async () => {
  const before = simulation.statistics().carriedOut
  const operations = await command()
  const report = await simulation.herd(PATIENCE_MS)
  expect(report.returned).toBe(report.dropped)
  await until(() => simulation.statistics().connected === living, PATIENCE_MS)
  await until(async () => (await finished(operations)) === living, PATIENCE_MS)
  expect(simulation.statistics().carriedOut - before).toBe(living)
  expect(refusals()).toEqual([])
})

test('what changes on every device at once arrives as a difference and is stored whole', async () => {
  const stored = () => count('device_software')
  const hashes = async () => {
    const rows = await fleet.sql<{ hash: string }>(`select hash from device_sections where section = 'software'`)
    return new Set(rows.map((row) => row.hash))
  }
  const held = () => count(`device_sections where section = 'software'`)
  await until(async () => (await held()) >= living, PATIENCE_MS)
  const before = await hashes()
  const rows = await stored()
  expect(rows).toBeGreaterThan(10 * living)
  expect(simulation.churn(1)).toBe(living)
  await until(async () => (await hashes()).difference(before).size >= living, PATIENCE_MS)
  expect(Math.abs((await stored()) - rows)).toBeLessThan(4 * living)
})

test('a site that falls silent is offline after the grace, and online again when its network is back', async () => {
  const site = 'Contoso - Warehouse'
  const id = places.get(site)?.siteId ?? ''
  const there = () => count(`devices where site_id = $1 and status = 'online'`, [id])
  const before = await there()
  expect(before).toBeGreaterThan(50)
  const gone = until(async () => (await there()) === 0, PATIENCE_MS)
  const report = await simulation.siteDown(gone, site)
  expect(report).toMatchObject({ devices: before, returned: before })
  await until(async () => (await there()) === before, PATIENCE_MS)
})

test('in the end nobody was sent away, nothing is left to be told, and nothing else went wrong', async () => {
  expect(refusals()).toEqual([])
  const { lateAcks: _, errors, ...rest } = simulation.statistics()
  expect(rest).toMatchObject({ connected: living, refused: 0 })
  // What the silent site's own agents noticed of it is no error of the server.
  const noticed = new Set(['socket_error', 'server_silent'])
  expect(Object.keys(errors).filter((reason) => !noticed.has(reason))).toEqual([])
})

function provisionOf(of: Fleet): Provision {
  const organizations = new Map<string, Place>()
  return {
    async ensureOrganization(name) {
      const place = organizations.get(name) ?? (await of.place())
      organizations.set(name, place)
      return place.organizationId
    },
    async ensureSite(organizationId, name) {
      const place = [...organizations.values()].find((one) => one.organizationId === organizationId)
      if (!place) throw new Error('no such organization')
      const siteId = newId()
      await of.sql('insert into sites (id, organization_id, name) values ($1, $2, $3)', [siteId, organizationId, name])
      places.set(name, { ...place, siteId })
      return siteId
    },
    async enrollmentToken(organizationId, siteId, uses) {
      const place = [...places.values()].find((one) => one.siteId === siteId)
      if (!place) throw new Error(`no such site in ${organizationId}`)
      return of.token(place, { uses, simulated: true })
    },
  }
}
