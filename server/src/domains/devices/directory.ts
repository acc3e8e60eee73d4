/** What a connection needs to know of its device, looked up for a crowd at once. */
import type { Db } from '../../kernel/db.ts'

export interface KnownDevice {
  id: string
  partnerId: string
  organizationId: string
  siteId: string
  /** base64url of the 32 raw bytes. */
  publicKey: string
  /** Valid beside it until it was used once. */
  nextPublicKey: string | null
  /** As enrolled. */
  machineId: string
  agentVersion: string
  conditions: Set<string>
  /** Section name → the agent's hash of what is stored. */
  hashes: Map<string, string>
  /** Sections of which it has had other content for a while and has not sent it. */
  outdated: Set<string>
}

// Grouped once and not asked per device: a plan made while the table was small then costs one pass over it, not hundreds.
const LOOK_UP = `
  select d.id, o.partner_id, d.organization_id, d.site_id, d.public_key, d.next_public_key, d.machine_id, d.agent_version, d.conditions,
    coalesce(h.hashes, '{}') as hashes, coalesce(h.outdated, '{}') as outdated
  from devices d join organizations o on o.id = d.organization_id left join (
    select s.device_id, jsonb_object_agg(s.section, s.hash) as hashes,
      array_agg(s.section) filter (where s.outdated_since is not null) as outdated
    from device_sections s where s.device_id = any ($1::uuid[]) group by s.device_id) h on h.device_id = d.id
  where d.id = any ($1::uuid[]) and d.removed_at is null`

interface Row {
  id: string
  partner_id: string
  organization_id: string
  site_id: string
  public_key: Buffer
  next_public_key: Buffer | null
  machine_id: string
  agent_version: string
  conditions: string[]
  hashes: Record<string, string>
  outdated: string[]
}

/** Removed devices are as unknown as those that never were. */
export async function lookUpDevices(db: Db, ids: readonly string[]): Promise<Map<string, KnownDevice>> {
  const rows = await db.worker((tx) => tx.prepared<Row>('look_up_devices', LOOK_UP, [ids]))
  return new Map(
    rows.map((row) => [
      row.id,
      {
        id: row.id,
        partnerId: row.partner_id,
        organizationId: row.organization_id,
        siteId: row.site_id,
        publicKey: row.public_key.toString('base64url'),
        nextPublicKey: row.next_public_key?.toString('base64url') ?? null,
        machineId: row.machine_id,
        agentVersion: row.agent_version,
        conditions: new Set(row.conditions),
        hashes: new Map(Object.entries(row.hashes)),
        outdated: new Set(row.outdated),
      },
    ]),
  )
}

const VERSIONS = `
  with told as (select * from unnest($1::uuid[], $2::text[]) as v (id, version)),
  locked as (
    select d.id from devices d join told t on t.id = d.id
    where d.removed_at is null and d.agent_version <> t.version order by d.id for no key update of d)
  update devices d set agent_version = t.version from told t join locked using (id) where d.id = t.id`

export async function writeAgentVersions(db: Db, versions: ReadonlyMap<string, string>): Promise<void> {
  if (versions.size === 0) return
  await db.worker((tx) => tx.prepared('agent_versions', VERSIONS, [[...versions.keys()], [...versions.values()]]))
}
