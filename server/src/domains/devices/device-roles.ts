/**
 * What a device is for, from what it told: its operating system says workstation, server or domain controller; the services of a
 * server say whether it is a database or a hypervisor. What a person decided stays.
 */
import { inventorySections, type SectionName } from '@breeze/contract/agent-inventory'
import type { Tx } from '../../kernel/db.ts'
import { roleOf } from './device-facts.ts'
import type { DeviceRole, RoleSource } from './tables.ts'

export interface RoleEvidence {
  /** As the section was last read; null before the first. */
  os: unknown
  /** Services that run, or come up with the system. Null where the device can't tell. */
  services: readonly string[] | null
  packages: readonly string[]
}

const systemFacts = inventorySections.shape.os.shape.data.unwrap().pick({ family: true, name: true, productType: true })

/** The sections from which a role follows. */
export const ROLE_SECTIONS: readonly SectionName[] = ['os', 'services', 'software']

interface Purpose {
  role: DeviceRole
  services: string
  /** Instead of services, where those can't be told: a package alone may be unused. */
  packages: string
}

/** The first that fits: a hypervisor carries others, whatever else it runs. Names in lower case, without `.service`. */
const PURPOSES: readonly Purpose[] = [
  {
    role: 'hypervisor',
    services: 'vmms|pvedaemon|pve-cluster|pveproxy|libvirtd|virtqemud|xapi|xenconsoled',
    packages: 'proxmox-ve|pve-manager|libvirt-daemon-system|libvirt-daemon-kvm|xen-hypervisor.*',
  },
  {
    role: 'database',
    services:
      'mssqlserver|mssql\\$.*|mssql-server|mysqld?[0-9]*|mariadb|postgres(ql)?(@.*|-[0-9].*|-x64-.*)?|mongod|oracleservice.*|oracle-.*db.*|db2.*',
    packages:
      'mssql-server|mysql(-community)?-server.*|mariadb-server.*|postgresql(-?[0-9.]+)?(-server)?|mongodb-(org-)?server',
  },
]
const pattern = (of: (purpose: Purpose) => string): string => `^(${PURPOSES.map(of).join('|')})(\\.service)?$`
const SERVICES = pattern((purpose) => purpose.services)
const PACKAGES = pattern((purpose) => purpose.packages)

export function decideRole({ os, services, packages }: RoleEvidence): { role: DeviceRole; source: RoleSource | null } {
  const parsed = systemFacts.safeParse(os)
  const byOs = parsed.success ? roleOf(parsed.data) : 'unknown'
  if (byOs === 'workstation' || byOs === 'domain_controller') return { role: byOs, source: 'os' }
  const names = (services ?? packages).map((name) => name.toLowerCase())
  const purpose = PURPOSES.find((one) => {
    const fits = new RegExp(`^(?:${services ? one.services : one.packages})(?:\\.service)?$`)
    return names.some((name) => fits.test(name))
  })
  if (purpose && byOs !== 'unknown') return { role: purpose.role, source: 'services' }
  return { role: byOs, source: byOs === 'unknown' ? null : 'os' }
}

// Of hundreds of services and packages, those that say something.
const EVIDENCE = `
  select d.id, coalesce(o.data, o.last_data) as os,
    case when jsonb_typeof(coalesce(s.data, s.last_data)) = 'array' then array(
      select x->>'name' from jsonb_array_elements(coalesce(s.data, s.last_data)) x
      where (x->>'state' = 'running' or x->>'start' = 'automatic') and lower(x->>'name') ~ $2) end as services,
    array(select w.name from device_software w where w.device_id = d.id and lower(w.name) ~ $3) as packages
  from devices d
    left join device_sections o on o.device_id = d.id and o.section = 'os'
    left join device_sections s on s.device_id = d.id and s.section = 'services'
  where d.id = any ($1::uuid[]) and d.removed_at is null and d.role_source is distinct from 'person'`

const ASSIGN = `
  with decided as (select * from unnest($1::uuid[], $2::text[], $3::text[]) as r (id, role, source)),
  locked as (
    select d.id from devices d join decided r using (id)
    where d.role_source is distinct from 'person' and (d.role, d.role_source) is distinct from (r.role, r.source)
    order by d.id for no key update of d)
  update devices d set role = r.role, role_source = r.source from decided r join locked using (id) where d.id = r.id`

/** Has the roles of these devices follow from what they told, in the caller's transaction. */
export async function assignRoles(tx: Tx, deviceIds: readonly string[]): Promise<void> {
  if (deviceIds.length === 0) return
  const rows = await tx.prepared<RoleEvidence & { id: string }>('role_evidence', EVIDENCE, [
    deviceIds,
    SERVICES,
    PACKAGES,
  ])
  const decided = rows.map((row) => ({ id: row.id, ...decideRole(row) }))
  await tx.prepared('assign_roles', ASSIGN, [
    decided.map((one) => one.id),
    decided.map((one) => one.role),
    decided.map((one) => one.source),
  ])
}

const CHOOSE = `
  with picked as (
    select id from devices where id = any ($1::uuid[]) and removed_at is null order by id for no key update)
  update devices d set role = coalesce($2, d.role), role_source = case when $2::text is null then null else 'person' end
  from picked where d.id = picked.id returning d.id`

/** A person's word; null goes back to what the devices tell. Answers which were found. */
export async function chooseRole(tx: Tx, deviceIds: readonly string[], role: DeviceRole | null): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>('choose_role', CHOOSE, [deviceIds, role])
  const ids = rows.map((row) => row.id)
  if (role === null) await assignRoles(tx, ids)
  return ids
}
