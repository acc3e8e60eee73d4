/** Which packages of devices are compared with what is published, under which names. */
import type { Ecosystem, NotAssessed } from './tables.ts'

/** What of a device decides what its packages are compared with. */
export interface Assessed {
  deviceId: string
  reason: NotAssessed | null
  ecosystem: Ecosystem | null
  release: string | null
  importId: string | null
  /** The running one: other installed kernels harm nobody. */
  kernel: string | null
  softwareHash: string | null
  osHash: string | null
}

export const comparable = (devices: readonly Assessed[]): Assessed[] => devices.filter(({ reason }) => reason === null)

/** Of `PACKAGES`: its first four. */
export const packageValues = (devices: readonly Assessed[]): unknown[] => [
  devices.map((device) => device.deviceId),
  devices.map((device) => device.importId),
  devices.map((device) => device.release),
  devices.map((device) => device.kernel),
]

/**
 * The source package and version of each package that counts. Signed kernels are built from another source than the one that
 * vulnerabilities are published by, and have its version themselves. Of a kernel only the running image counts: other images,
 * headers and modules of theirs run nowhere, and tools built with it are not it.
 */
export const PACKAGES = `
  on_devices as (
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as d (device_id, import_id, release, kernel)),
  packages as (
    select d.device_id, d.import_id, d.release, p.package, p.version
    from on_devices d
      join device_software s on s.device_id = d.device_id and s.source = 'dpkg'
      cross join lateral (select coalesce(s.source_package, s.name) as built_from) b
      cross join lateral (select
        case when b.built_from ~ '^linux-signed(-(amd64|arm64|i386))?$' then 'linux'
          when b.built_from like 'linux-signed-%' then 'linux-' || substr(b.built_from, 14) else b.built_from end as package,
        case when b.built_from like 'linux-signed%' then s.version else coalesce(s.source_version, s.version) end as version) p
    where (p.package <> 'linux' and s.name !~ '^linux-(image|headers|modules|tools|cloud-tools|buildinfo|libc-dev)(-|$)')
      or s.name in ('linux-image-' || d.kernel, 'linux-image-' || d.kernel || '-unsigned'))`
