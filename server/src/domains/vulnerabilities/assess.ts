/**
 * Compares what devices have with what is published. A version of a package is compared once per import, whichever devices
 * have it; what a device has of it is joined in the database.
 */
import { releaseOf, type OsFacts } from '../lifecycle/match.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import { affected, type VersionRange } from './dpkg-version.ts'
import { writeStates } from './device-rows.ts'
import { type Assessed, comparable, PACKAGES, packageValues } from './packages.ts'
import type { Ecosystem, NotAssessed, VulnerabilitySeverity } from './tables.ts'

interface Found {
  device_id: string
  software_status: string | null
  software_detail: string | null
  software_hash: string | null
  os_status: string | null
  os_hash: string | null
  os: (OsFacts & { kernel: string }) | null
  has_sources: boolean
}

const DEVICES = `
  select d.id as device_id, s.status as software_status, s.detail as software_detail, s.hash as software_hash,
    o.status as os_status, o.hash as os_hash, o.data as os,
    exists (select from device_software p where p.device_id = d.id and p.source = 'dpkg' and p.source_package is not null) as has_sources
  from devices d
    left join device_sections s on s.device_id = d.id and s.section = 'software'
    left join device_sections o on o.device_id = d.id and o.section = 'os'
  where d.id = any ($1::uuid[]) and d.removed_at is null order by d.id`

interface CurrentImport {
  id: string
  ecosystem: Ecosystem
  releases: string[]
}

/** Whole devices together. Answers those whose result became different. */
export async function assessDevices(db: Db, now: Date, deviceIds: readonly string[]): Promise<string[]> {
  const { devices, candidates } = await db.worker(async (tx) => {
    const imports = await tx.prepared<CurrentImport>(
      'current_vulnerability_imports',
      `select id, ecosystem, releases from vulnerability_imports where state = 'current'`,
      [],
    )
    const found = await tx.prepared<Found>('devices_to_assess', DEVICES, [deviceIds])
    const devices = found.map((device) => judged(device, imports))
    return { devices, candidates: await notCompared(tx, devices) }
  })
  for (let at = 0; at < candidates.length; at += AT_ONCE)
    await db.worker((tx) => compare(tx, candidates.slice(at, at + AT_ONCE)))
  return db.worker((tx) => writeStates(tx, now, devices))
}

function judged(device: Found, imports: readonly CurrentImport[]): Assessed {
  const name = device.os ? releaseOf(device.os) : null
  const ecosystem = name && ECOSYSTEMS[name.product]
  const release = ecosystem ? name.cycle : null
  const current = imports.find((one) => one.ecosystem === ecosystem)
  const covered = release !== null && (current?.releases.includes(release) ?? false)
  return {
    deviceId: device.device_id,
    reason: whyNot(device, { known: ecosystem !== undefined && ecosystem !== null, covered }),
    ecosystem: ecosystem ?? null,
    release,
    importId: current?.id ?? null,
    kernel: device.os?.kernel ?? null,
    softwareHash: device.software_hash,
    osHash: device.os_hash,
  }
}

const ECOSYSTEMS: Readonly<Record<string, Ecosystem>> = { debian: 'Debian', ubuntu: 'Ubuntu' }

/** None found is only said where all of it was looked at: a list with a remark lacks something. */
function whyNot(device: Found, { known, covered }: { known: boolean; covered: boolean }): NotAssessed | null {
  const { software_status: software, os_status: os } = device
  if (software === null || os === null) return 'not_reported'
  if (software !== 'ok' || os !== 'ok' || device.software_detail !== null) return 'not_readable'
  if (!known) return 'system_unknown'
  if (!covered) return 'not_covered'
  return device.has_sources ? null : 'sources_unknown'
}

const NOT_COMPARED = `
  with ${PACKAGES}
  select distinct p.import_id, p.release, p.package, p.version from packages p
  where not exists (select from package_assessments a
    where (a.import_id, a.release, a.package, a.version) = (p.import_id, p.release, p.package, p.version))`

interface Candidate {
  import_id: string
  release: string
  package: string
  version: string
}

async function notCompared(tx: Tx, devices: readonly Assessed[]): Promise<Candidate[]> {
  const some = comparable(devices)
  return some.length === 0 ? [] : tx.prepared<Candidate>('packages_not_compared', NOT_COMPARED, packageValues(some))
}

/** Packages of one transaction: what is compared at once must not hold up the event loop, and a kernel has thousands. */
const AT_ONCE = 25

interface Published {
  assessment_id: number
  version: string
  vulnerability: string
  severity: VulnerabilitySeverity | null
  ranges: VersionRange[]
}

// An import that was replaced meanwhile has no row to refer to: its packages are left to the next look.
const BEGIN = `
  insert into package_assessments (import_id, release, package, version)
  select c.* from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as c (import_id, release, package, version)
  where exists (select from vulnerability_imports i where i.id = c.import_id)
  on conflict do nothing returning id`

const PUBLISHED = `
  select a.id as assessment_id, a.version, v.vulnerability, v.severity, v.ranges
  from package_assessments a join vulnerability_advisories v
    on (v.import_id, v.release, v.package) = (a.import_id, a.release, a.package)
  where a.id = any ($1::bigint[])`

async function compare(tx: Tx, candidates: readonly Candidate[]): Promise<void> {
  const begun = await tx.prepared<{ id: number }>('begin_assessments', BEGIN, [
    candidates.map((one) => one.import_id),
    candidates.map((one) => one.release),
    candidates.map((one) => one.package),
    candidates.map((one) => one.version),
  ])
  if (begun.length === 0) return
  const published = await tx.prepared<Published>('published_for_packages', PUBLISHED, [begun.map(({ id }) => id)])
  const hits = published.flatMap((one) => {
    const hit = affected(one.version, one.ranges)
    return hit ? [{ ...one, fixed: hit.fixed }] : []
  })
  if (hits.length === 0) return
  await tx.prepared(
    'write_assessments',
    `insert into package_vulnerabilities (assessment_id, vulnerability, severity, fixed_version)
     select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[])`,
    [
      hits.map((hit) => hit.assessment_id),
      hits.map((hit) => hit.vulnerability),
      hits.map((hit) => hit.severity),
      hits.map((hit) => hit.fixed),
    ],
  )
}
