/** The data the calls are measured over, written as the owner: 10,000 devices, and a key that may do everything. */
import { createPublicKey, randomBytes, randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { type PlannedDevice, planFleet } from '../agent/src/simulator/fleet.ts'
import { FleetStore } from '../agent/src/simulator/fleet-state.ts'
import { seededKey } from '../agent/src/simulator/seeded.ts'
import { deviceSeed } from '../agent/src/simulator/simulated-device.ts'
import type { Connection } from '../server/src/database/logins.ts'
import { hashToken, KEY_PREFIX, makeToken, visiblePrefix } from '../server/src/identity/tokens.ts'
import type { Keys } from '../server/src/keys/keys.ts'

export const FLEET_SEED = 'bench'
/** Besides the simulator's own five. */
const FILLER_ORGANIZATION = 'Meridian Logistics'
const FILLER_SITES = 12

export interface Seeded {
  partnerId: string
  organizationIds: string[]
  key: string
  /** The whole simulated fleet; those online are as many as were asked for. */
  fleet: PlannedDevice[]
  /** A workstation that is online in it. */
  workstation: string
}

export async function seed(
  connection: Connection,
  keys: Keys,
  options: { devices: number; agents: number; server: string; stateDirectory: string },
): Promise<Seeded> {
  const pool = new Pool({ ...connection, max: 1 })
  try {
    const fleet = fleetWithOnline(options.agents)
    const { partnerId, adminId } = await installation(pool)
    const sites = await insertPlaces(pool, partnerId, fleet)
    const ids = await insertFleet(pool, fleet, sites)
    await insertFiller(pool, partnerId, options.devices - fleet.length)
    await remember(options, keys, ids)
    const key = await insertKey(pool, keys.pepper, partnerId, adminId)
    await pool.query('create extension if not exists pg_stat_statements')
    await pool.query('vacuum analyze')
    const organizations = await pool.query<{ id: string }>('select id from organizations order by id')
    const workstation = fleet.find((device) => device.state === 'online' && device.kind === 'pc')
    return {
      partnerId,
      organizationIds: organizations.rows.map((row) => row.id),
      key,
      fleet,
      workstation: ids.get(workstation?.name ?? '') ?? '',
    }
  } finally {
    await pool.end()
  }
}

/** The smallest fleet in which so many are online. */
function fleetWithOnline(agents: number): PlannedDevice[] {
  for (let size = agents; ; size++) {
    const fleet = planFleet(size)
    if (fleet.filter((device) => device.state === 'online').length >= agents) return fleet
  }
}

async function installation(pool: Pool): Promise<{ partnerId: string; adminId: string }> {
  const found = await pool.query<{ partner: string; admin: string }>(
    `select value->>'partner' as partner, value->>'admin' as admin from installation where key = 'first'`,
  )
  const [row] = found.rows
  if (!row) throw new Error('the server has not made its installation')
  return { partnerId: row.partner, adminId: row.admin }
}

async function insertPlaces(
  pool: Pool,
  partnerId: string,
  fleet: readonly PlannedDevice[],
): Promise<Map<string, { organization: string; site: string }>> {
  const organizations = new Map<string, string>()
  const sites = new Map<string, { organization: string; site: string }>()
  for (const device of fleet) {
    if (sites.has(device.site)) continue
    let organization = organizations.get(device.organization)
    if (organization === undefined) {
      organization = randomUUID()
      organizations.set(device.organization, organization)
      // One script goes to thousands of them: beyond an organization's limit, that would wait for a second person.
      await pool.query('insert into organizations (id, partner_id, name, approval_limit) values ($1, $2, $3, 100000)', [
        organization,
        partnerId,
        device.organization,
      ])
    }
    const site = randomUUID()
    await pool.query('insert into sites (id, organization_id, name) values ($1, $2, $3)', [
      site,
      organization,
      device.site,
    ])
    sites.set(device.site, { organization, site })
  }
  return sites
}

async function insertFleet(
  pool: Pool,
  fleet: readonly PlannedDevice[],
  sites: ReadonlyMap<string, { organization: string; site: string }>,
): Promise<Map<string, string>> {
  const ids = new Map(fleet.map((device) => [device.name, randomUUID()]))
  const rows = fleet.map((device) => ({
    id: ids.get(device.name),
    ...sites.get(device.site),
    name: device.name,
    public_key: rawPublicKey(device.name).toString('hex'),
    pending: device.state === 'pending',
  }))
  await pool.query(
    `insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, simulated, agent_version, status, first_seen_at)
     select r.id, r.organization, r.site, r.name, r.id::text, decode(r.public_key, 'hex'), 'windows', true, '0.1.0',
       case when r.pending then 'pending' else 'offline' end, case when r.pending then null else now() end
     from json_to_recordset($1) as r (id uuid, organization uuid, site uuid, name text, public_key text, pending boolean)`,
    [JSON.stringify(rows)],
  )
  await pool.query(PRESENCE)
  return ids
}

const PRESENCE = `
  insert into device_presence (device_id, organization_id, site_id, last_seen_at, boot_id, uptime_seconds, cpu_percent, memory_percent, clock_skew_ms)
  select id, organization_id, site_id, now() - random() * interval '2 days', id::text, 3600 * random(), 20 * random(), 80 * random(), 0
  from devices where status <> 'pending' on conflict do nothing`

/** Devices that no agent stands behind: rows as real ones leave them. */
async function insertFiller(pool: Pool, partnerId: string, devices: number): Promise<void> {
  const organization = randomUUID()
  await pool.query('insert into organizations (id, partner_id, name) values ($1, $2, $3)', [
    organization,
    partnerId,
    FILLER_ORGANIZATION,
  ])
  await pool.query(
    `insert into sites (id, organization_id, name)
     select gen_random_uuid(), $1, 'Meridian - Depot ' || n from generate_series(1, $2::int) n`,
    [organization, FILLER_SITES],
  )
  // Spread over every site there is, so that each organization is large.
  await pool.query(
    `with places as (select s.id, s.organization_id, row_number() over (order by s.id) - 1 as n, count(*) over () as total
       from sites s join organizations o on o.id = s.organization_id where o.kind = 'customer')
     insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, os, role, agent_version, status, first_seen_at)
     select gen_random_uuid(), p.organization_id, p.id, 'BENCH-PC-' || lpad(i::text, 5, '0'), i::text,
       sha256(('bench ' || i)::bytea), 'windows', 'Microsoft Windows 11 Pro 10.0.26100', 'workstation', '0.1.0', 'offline', now()
     from generate_series(1, $1::int) i join places p on p.n = i % p.total`,
    [Math.max(0, devices)],
  )
  await pool.query(PRESENCE)
}

/** So that the simulator finds its devices enrolled: the server lets one address enroll only some hundred a minute. */
async function remember(
  options: { server: string; stateDirectory: string },
  keys: Keys,
  ids: ReadonlyMap<string, string>,
): Promise<void> {
  const store = await FleetStore.open(options.stateDirectory, options.server, FLEET_SEED)
  store.state.pinnedServerKeys = [...keys.commands.published]
  for (const [name, deviceId] of ids) store.state.devices[name] = { deviceId }
  await store.save()
}

async function insertKey(pool: Pool, pepper: Buffer, partnerId: string, adminId: string): Promise<string> {
  const key = makeToken(KEY_PREFIX, randomBytes)
  await pool.query(
    `insert into api_keys (id, partner_id, user_id, created_by, name, prefix, hash, scopes)
     values (gen_random_uuid(), $1, $2, $2, 'bench', $3, $4, '{ai:execute}')`,
    [partnerId, adminId, visiblePrefix(key), hashToken(key, pepper)],
  )
  return key
}

function rawPublicKey(name: string): Buffer {
  const { x } = createPublicKey(seededKey(deviceSeed(FLEET_SEED, name))).export({ format: 'jwk' })
  return Buffer.from(x ?? '', 'base64url')
}
