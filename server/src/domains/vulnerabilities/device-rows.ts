/** What is known to be vulnerable on devices: the worst as rows, all of it as counts. */
import type { Tx } from '../../kernel/db.ts'
import { type Assessed, comparable, PACKAGES, packageValues } from './packages.ts'

/** Rows of one device. */
export const MOST_ROWS = 200

const WORST_FIRST = `array_position(array['critical', 'high', 'medium', 'low'], severity) nulls last`

const ROWS = `
  with ${PACKAGES},
  hits as materialized (
    select distinct on (p.device_id, v.vulnerability, p.package) p.device_id, v.vulnerability, p.package, p.version, v.severity, v.fixed_version
    from packages p
      join package_assessments a on (a.import_id, a.release, a.package, a.version) = (p.import_id, p.release, p.package, p.version)
      join package_vulnerabilities v on v.assessment_id = a.id
    order by p.device_id, v.vulnerability, p.package, p.version),
  ranked as (
    select h.*, row_number() over (partition by device_id order by ${WORST_FIRST}, fixed_version is null, vulnerability desc, package) as place
    from hits h),
  shown as materialized (select * from ranked where place <= ${MOST_ROWS}),
  gone as (
    delete from device_vulnerabilities o using on_devices d where o.device_id = d.device_id and not exists (
      select from shown s where (s.device_id, s.vulnerability, s.package) = (o.device_id, o.vulnerability, o.package))),
  written as (
    insert into device_vulnerabilities (device_id, vulnerability, package, organization_id, site_id, severity, version, fixed_version, first_seen_at)
    select s.device_id, s.vulnerability, s.package, d.organization_id, d.site_id, s.severity, s.version, s.fixed_version, $5
    from shown s join devices d on d.id = s.device_id and d.removed_at is null
    on conflict (device_id, vulnerability, package) do update set organization_id = excluded.organization_id, site_id = excluded.site_id,
      severity = excluded.severity, version = excluded.version, fixed_version = excluded.fixed_version
    where (device_vulnerabilities.organization_id, device_vulnerabilities.site_id, device_vulnerabilities.severity,
        device_vulnerabilities.version, device_vulnerabilities.fixed_version)
      is distinct from (excluded.organization_id, excluded.site_id, excluded.severity, excluded.version, excluded.fixed_version)),
  -- Once each, however many packages it is in: as bad as it is in the worst of them, repaired only if it is in all.
  each as (
    select device_id, vulnerability, min(array_position(array['critical', 'high', 'medium', 'low'], severity)) as rank,
      bool_and(fixed_version is not null) as fixable
    from hits group by device_id, vulnerability),
  counted as (
    select device_id, count(*) filter (where rank = 1) as critical, count(*) filter (where rank = 2) as high,
      count(*) filter (where rank = 3) as medium, count(*) filter (where rank = 4) as low, count(*) filter (where rank is null) as unrated,
      count(*) filter (where fixable) as fixable
    from each group by device_id),
  looked_at as (select device_id, count(distinct package) as packages from packages group by device_id)
  select d.device_id, coalesce(c.critical, 0) as critical, coalesce(c.high, 0) as high, coalesce(c.medium, 0) as medium,
    coalesce(c.low, 0) as low, coalesce(c.unrated, 0) as unrated, coalesce(c.fixable, 0) as fixable, coalesce(l.packages, 0) as packages
  from on_devices d left join counted c using (device_id) left join looked_at l using (device_id)`

interface Counts {
  device_id: string
  critical: number
  high: number
  medium: number
  low: number
  unrated: number
  fixable: number
  packages: number
}

const STATES = `
  with told as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::integer[], $9::integer[],
        $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::integer[])
      as t (device_id, reason, ecosystem, release, import_id, software_hash, os_hash, critical, high, medium, low, unrated, fixable, packages)),
  before as materialized (select * from device_vulnerability_state where device_id = any ($1::uuid[])),
  written as (
    insert into device_vulnerability_state (device_id, organization_id, site_id, assessed, reason, ecosystem, release, import_id, published_at,
      imported_at, critical, high, medium, low, unrated, fixable, packages, software_hash, os_hash, assessed_at)
    select t.device_id, d.organization_id, d.site_id, t.reason is null, t.reason, t.ecosystem, t.release, t.import_id, i.published_at,
      i.finished_at, t.critical, t.high, t.medium, t.low, t.unrated, t.fixable, t.packages, t.software_hash, t.os_hash, $15
    from told t join devices d on d.id = t.device_id and d.removed_at is null left join vulnerability_imports i on i.id = t.import_id
    order by t.device_id
    on conflict (device_id) do update set organization_id = excluded.organization_id, site_id = excluded.site_id,
      assessed = excluded.assessed, reason = excluded.reason, ecosystem = excluded.ecosystem, release = excluded.release,
      import_id = excluded.import_id, published_at = excluded.published_at, imported_at = excluded.imported_at,
      critical = excluded.critical, high = excluded.high, medium = excluded.medium, low = excluded.low, unrated = excluded.unrated,
      fixable = excluded.fixable, packages = excluded.packages, software_hash = excluded.software_hash, os_hash = excluded.os_hash,
      assessed_at = excluded.assessed_at
    returning device_id, assessed, critical, high, medium, low, unrated)
  select w.device_id from written w left join before b using (device_id)
  where (w.assessed, w.critical, w.high, w.medium, w.low, w.unrated)
    is distinct from (b.assessed, b.critical, b.high, b.medium, b.low, b.unrated)`

/** Answers the devices whose result became different. */
export async function writeStates(tx: Tx, now: Date, devices: readonly Assessed[]): Promise<string[]> {
  const compared = comparable(devices)
  const others = devices.filter(({ reason }) => reason !== null)
  const counts =
    compared.length === 0
      ? []
      : await tx.prepared<Counts>('device_vulnerabilities', ROWS, [...packageValues(compared), now])
  if (others.length > 0) {
    await tx.prepared(
      'forget_device_vulnerabilities',
      'delete from device_vulnerabilities where device_id = any ($1::uuid[])',
      [others.map(({ deviceId }) => deviceId)],
    )
  }
  const countsOf = new Map(counts.map((one) => [one.device_id, one]))
  const count = (field: Exclude<keyof Counts, 'device_id'>): (number | null)[] =>
    devices.map(({ deviceId }) => countsOf.get(deviceId)?.[field] ?? null)
  const rows = await tx.prepared<{ device_id: string }>('vulnerability_states', STATES, [
    devices.map((device) => device.deviceId),
    devices.map((device) => device.reason),
    devices.map((device) => device.ecosystem),
    devices.map((device) => device.release),
    devices.map((device) => device.importId),
    devices.map((device) => device.softwareHash),
    devices.map((device) => device.osHash),
    ...(['critical', 'high', 'medium', 'low', 'unrated', 'fixable', 'packages'] as const).map(count),
    now,
  ])
  return rows.map((row) => row.device_id)
}
