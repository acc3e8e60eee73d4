/** Installed packages, one row each: of a whole list or of what changed in one, only the rows that differ are touched. */
import { MOST_SOFTWARE, type SoftwareDelta, type SoftwareItem, softwareKey } from '@breeze/contract/agent-inventory'
import type { Tx } from '../../kernel/db.ts'
import { plausibleTime } from '../../kernel/plausible-time.ts'
import { cleanName } from './device-name.ts'
import { type DifferenceRow, SoftwareDifferences } from './software-differences.ts'

export interface SoftwareList {
  deviceId: string
  items: readonly SoftwareItem[]
}
export interface SoftwareChange {
  deviceId: string
  delta: SoftwareDelta
}

/** Rows of one statement: bounds its memory and how long the event loop is busy with its values. */
const MAX_ROWS = 5000

const NEW_ROWS = `
  incoming as (
    select d.organization_id, d.site_id, i.*
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bigint[],
        $10::text[], $11::text[])
      as i (device_id, source, name, architecture, version, publisher, installed_at, size_bytes, source_package, source_version)
    join devices d on d.id = i.device_id and d.removed_at is null)`

// Read once and used twice, so that what is told is what is written.
const DIFFERENT = `
  different as materialized (
    select i.*, s.version as old_version, s.device_id is not null as was
    from incoming i left join device_software s
      on s.device_id = any ($9::uuid[]) and (s.device_id, s.source, s.name, s.architecture) = (i.device_id, i.source, i.name, i.architecture)
    where s.device_id is null or (s.version, s.publisher, s.installed_at, s.size_bytes, s.source_package, s.source_version)
      is distinct from (i.version, i.publisher, i.installed_at, i.size_bytes, i.source_package, i.source_version)),
  wrote as (
    insert into device_software
      (device_id, organization_id, site_id, source, name, architecture, version, publisher, installed_at, size_bytes,
       source_package, source_version)
    select device_id, organization_id, site_id, source, name, architecture, version, publisher, installed_at, size_bytes,
      source_package, source_version
    from different
    on conflict (device_id, source, name, architecture) do update set
      version = excluded.version, publisher = excluded.publisher,
      installed_at = excluded.installed_at, size_bytes = excluded.size_bytes,
      source_package = excluded.source_package, source_version = excluded.source_version)`

const TOLD = `
  select device_id, source, name, architecture, old_version as "from", version as "to" from different
  where old_version is distinct from version`

// Of a device without a list there is nothing to compare with: its first one is no change.
const REPLACE = `
  with ${NEW_ROWS},
  known as materialized (
    select id from unnest($9::uuid[]) as k (id) where exists (select from device_software s where s.device_id = k.id)),
  gone as (
    delete from device_software s where s.device_id = any ($9::uuid[]) and not exists (
      select from incoming i
      where (i.device_id, i.source, i.name, i.architecture) = (s.device_id, s.source, s.name, s.architecture))
    returning s.device_id, s.source, s.name, s.architecture, s.version),
  ${DIFFERENT}
  ${TOLD} and device_id in (select id from known)
  union all select device_id, source, name, architecture, version, null from gone`

const ADD = `with ${NEW_ROWS}, ${DIFFERENT} ${TOLD}`

const REMOVE = `
  delete from device_software s using unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as k (device_id, source, name, architecture)
  where (s.device_id, s.source, s.name, s.architecture) = (k.device_id, k.source, k.name, k.architecture)
  returning s.device_id, s.source, s.name, s.architecture, s.version as "from", null as "to"`

const STORED = `
  select device_id, status, hash, collected_at, (data->>'count')::integer as count from device_sections
  where device_id = any ($1::uuid[]) and section = 'software' order by device_id for no key update`

// A delta is sent by a collector that could read: only content that has status "ok" has a hash to build on.
const MOVE_ON = `
  update device_sections d set hash = c.hash, source = c.source, collected_at = c.collected_at, received_at = $5,
    version = d.version + 1, outdated_since = null,
    data = jsonb_build_object('count', (select count(*) from device_software s where s.device_id = d.device_id))
  from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as c (device_id, hash, source, collected_at)
  where d.device_id = c.device_id and d.section = 'software'`

/** The items as they are stored: each key once, the later one counting, free of hidden characters. */
export function cleanSoftware(items: readonly SoftwareItem[]): SoftwareItem[] {
  const clean = new Map<string, SoftwareItem>()
  for (const item of items) {
    const key = cleanKey(item)
    if (!key) continue
    const { publisher, sourcePackage, sourceVersion, ...rest } = item
    clean.set(softwareKey(key), {
      ...rest,
      ...key,
      version: visible(item.version, 200) ?? '',
      ...optional('publisher', publisher, 200),
      ...optional('sourcePackage', sourcePackage, 300),
      ...optional('sourceVersion', sourceVersion, 200),
    })
  }
  return [...clean.values()]
}

/** Nearly all are plain, and there are a hundred thousand when a fleet reports for the first time. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/
const visible = (text: string, maximum: number): string | null => (PLAIN.test(text) ? text : cleanName(text, maximum))

/** Without the field where nothing visible is in it. */
function optional(field: 'publisher' | 'sourcePackage' | 'sourceVersion', text: string | undefined, maximum: number) {
  const shown = visible(text ?? '', maximum)
  return shown ? { [field]: shown } : {}
}

type Key = Pick<SoftwareItem, 'source' | 'name' | 'architecture'>

function cleanKey({ source, name, architecture }: Key): Key | null {
  const shown = visible(name, 300)
  return shown === null ? null : { source, name: shown, architecture: visible(architecture, 40) ?? '' }
}

/** Makes the rows of each device exactly these items, which are clean. Each device may be named once. */
export async function replaceSoftware(tx: Tx, lists: readonly SoftwareList[]): Promise<SoftwareDifferences> {
  const differences = new SoftwareDifferences()
  for (const group of grouped(lists, (list) => list.items.length)) {
    const rows = group.flatMap(({ deviceId, items }) => items.map((item) => ({ deviceId, item })))
    const values = columns(
      rows,
      group.map((list) => list.deviceId),
    )
    differences.add(await tx.prepared<DifferenceRow>('replace_software', REPLACE, values))
  }
  return differences
}

export interface Stored {
  device_id: string
  status: string
  hash: string
  collected_at: Date
  count: number | null
}

export interface Applied {
  /** Those that fitted, with what was stored before them. */
  applied: { change: SoftwareChange; before: Stored }[]
  differences: SoftwareDifferences
  /** Devices whose delta does not fit what is stored. */
  unfit: string[]
}

/** Each device may be named once. */
export async function changeSoftware(tx: Tx, now: Date, changes: readonly SoftwareChange[]): Promise<Applied> {
  const rows = await tx.prepared<Stored>('stored_software', STORED, [changes.map((change) => change.deviceId)])
  const stored = new Map(rows.map((row) => [row.device_id, row]))
  const answer: Applied = { applied: [], differences: new SoftwareDifferences(), unfit: [] }
  for (const change of changes) {
    const before = stored.get(change.deviceId)
    if (before && fits(change.delta, before)) answer.applied.push({ change, before })
    else answer.unfit.push(change.deviceId)
  }
  const fitting = answer.applied.map(({ change }) => change)
  for (const group of grouped(fitting, ({ delta }) => delta.upserts.length + delta.removed.length))
    await applyGroup(tx, now, group, answer.differences)
  return answer
}

/** A device that only ever adds would grow without end. */
const fits = (delta: SoftwareDelta, { status, hash, count }: Stored): boolean =>
  status === 'ok' && hash === delta.base && (count ?? 0) + delta.upserts.length <= MOST_SOFTWARE

async function applyGroup(
  tx: Tx,
  now: Date,
  group: readonly SoftwareChange[],
  differences: SoftwareDifferences,
): Promise<void> {
  const gone = group.flatMap(({ deviceId, delta }) =>
    delta.removed.flatMap((item) => {
      const key = cleanKey(item)
      return key ? [{ deviceId, key }] : []
    }),
  )
  const added = group.flatMap(({ deviceId, delta }) => cleanSoftware(delta.upserts).map((item) => ({ deviceId, item })))
  const devices = group.map((change) => change.deviceId)
  if (gone.length > 0) {
    const values = [
      gone.map((row) => row.deviceId),
      gone.map((row) => row.key.source),
      gone.map((row) => row.key.name),
      gone.map((row) => row.key.architecture),
    ]
    differences.add(await tx.prepared<DifferenceRow>('remove_software', REMOVE, values))
  }
  // After the removals: what is in both lists is there.
  if (added.length > 0) differences.add(await tx.prepared<DifferenceRow>('add_software', ADD, columns(added, devices)))
  await tx.prepared('software_moved_on', MOVE_ON, [
    devices,
    group.map(({ delta }) => delta.hash),
    group.map(({ delta }) => delta.source),
    group.map(({ delta }) => plausibleTime(delta.collectedAt) ?? now),
    now,
  ])
}

function columns(rows: readonly { deviceId: string; item: SoftwareItem }[], devices: readonly string[]): unknown[] {
  return [
    rows.map((row) => row.deviceId),
    rows.map(({ item }) => item.source),
    rows.map(({ item }) => item.name),
    rows.map(({ item }) => item.architecture),
    rows.map(({ item }) => item.version),
    rows.map(({ item }) => item.publisher ?? null),
    rows.map(({ item }) => plausibleTime(item.installedAt)),
    rows.map(({ item }) => item.sizeBytes ?? null),
    devices,
    rows.map(({ item }) => item.sourcePackage ?? null),
    rows.map(({ item }) => item.sourceVersion ?? null),
  ]
}

/** Whole devices together, until they weigh a statement. */
function grouped<T>(items: readonly T[], rowsOf: (item: T) => number): T[][] {
  const groups: T[][] = []
  let weight = Infinity
  for (const item of items) {
    weight += rowsOf(item)
    if (weight > MAX_ROWS) {
      groups.push([])
      weight = rowsOf(item)
    }
    groups.at(-1)?.push(item)
  }
  return groups
}
