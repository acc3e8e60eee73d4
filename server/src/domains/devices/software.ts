/** Installed packages, one row each: of a whole list or of what changed in one, only the rows that differ are touched. */
import { MOST_SOFTWARE, type SoftwareDelta, type SoftwareItem, softwareKey } from '@breeze/contract/agent-inventory'
import type { Tx } from '../../kernel/db.ts'
import { plausibleTime } from '../../kernel/plausible-time.ts'
import { cleanName } from './device-name.ts'

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
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bigint[])
      as i (device_id, source, name, architecture, version, publisher, installed_at, size_bytes)
    join devices d on d.id = i.device_id and d.removed_at is null)`

const WRITE = `
  insert into device_software
    (device_id, organization_id, site_id, source, name, architecture, version, publisher, installed_at, size_bytes)
  select i.device_id, i.organization_id, i.site_id, i.source, i.name, i.architecture, i.version, i.publisher, i.installed_at, i.size_bytes
  from incoming i left join device_software s
    on s.device_id = any ($9::uuid[]) and (s.device_id, s.source, s.name, s.architecture) = (i.device_id, i.source, i.name, i.architecture)
  where s.device_id is null or (s.version, s.publisher, s.installed_at, s.size_bytes)
    is distinct from (i.version, i.publisher, i.installed_at, i.size_bytes)
  on conflict (device_id, source, name, architecture) do update set
    version = excluded.version, publisher = excluded.publisher,
    installed_at = excluded.installed_at, size_bytes = excluded.size_bytes`

const REPLACE = `
  with ${NEW_ROWS},
  gone as (
    delete from device_software s where s.device_id = any ($9::uuid[]) and not exists (
      select from incoming i
      where (i.device_id, i.source, i.name, i.architecture) = (s.device_id, s.source, s.name, s.architecture)))
  ${WRITE}`

const ADD = `with ${NEW_ROWS} ${WRITE}`

const REMOVE = `
  delete from device_software s using unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as k (device_id, source, name, architecture)
  where (s.device_id, s.source, s.name, s.architecture) = (k.device_id, k.source, k.name, k.architecture)`

const STORED = `
  select device_id, status, hash, (data->>'count')::integer as count from device_sections
  where device_id = any ($1::uuid[]) and section = 'software' order by device_id for no key update`

// A delta is sent by a collector that could read: only content that has status "ok" has a hash to build on.
const MOVE_ON = `
  update device_sections d set hash = c.hash, source = c.source, collected_at = c.collected_at, received_at = $5,
    data = jsonb_build_object('count', (select count(*) from device_software s where s.device_id = d.device_id))
  from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as c (device_id, hash, source, collected_at)
  where d.device_id = c.device_id and d.section = 'software'`

/** The items as they are stored: each key once, the later one counting, free of hidden characters. */
export function cleanSoftware(items: readonly SoftwareItem[]): SoftwareItem[] {
  const clean = new Map<string, SoftwareItem>()
  for (const item of items) {
    const key = cleanKey(item)
    if (!key) continue
    const publisher = visible(item.publisher ?? '', 200)
    const { publisher: _, ...rest } = item
    clean.set(softwareKey(key), {
      ...rest,
      ...key,
      version: visible(item.version, 200) ?? '',
      ...(publisher && { publisher }),
    })
  }
  return [...clean.values()]
}

/** Nearly all are plain, and there are a hundred thousand when a fleet reports for the first time. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/
const visible = (text: string, maximum: number): string | null => (PLAIN.test(text) ? text : cleanName(text, maximum))

type Key = Pick<SoftwareItem, 'source' | 'name' | 'architecture'>

function cleanKey({ source, name, architecture }: Key): Key | null {
  const shown = visible(name, 300)
  return shown === null ? null : { source, name: shown, architecture: visible(architecture, 40) ?? '' }
}

/** Makes the rows of each device exactly these items, which are clean. Each device may be named once. */
export async function replaceSoftware(tx: Tx, lists: readonly SoftwareList[]): Promise<void> {
  for (const group of grouped(lists, (list) => list.items.length)) {
    const rows = group.flatMap(({ deviceId, items }) => items.map((item) => ({ deviceId, item })))
    await tx.prepared('replace_software', REPLACE, [...columns(rows), group.map((list) => list.deviceId)])
  }
}

/** Answers the devices whose delta does not fit what is stored. Each device may be named once. */
export async function changeSoftware(tx: Tx, now: Date, changes: readonly SoftwareChange[]): Promise<Set<string>> {
  const rows = await tx.prepared<{ device_id: string; status: string; hash: string; count: number | null }>(
    'stored_software',
    STORED,
    [changes.map((change) => change.deviceId)],
  )
  const stored = new Map(rows.map((row) => [row.device_id, row]))
  const fits = ({ deviceId, delta }: SoftwareChange): boolean => {
    const row = stored.get(deviceId)
    // A device that only ever adds would grow without end.
    return row?.status === 'ok' && row.hash === delta.base && (row.count ?? 0) + delta.upserts.length <= MOST_SOFTWARE
  }
  const { true: fitting = [], false: unfit = [] } = Object.groupBy(changes, (change) => `${fits(change)}`)
  for (const group of grouped(fitting, ({ delta }) => delta.upserts.length + delta.removed.length))
    await applyGroup(tx, now, group)
  return new Set(unfit.map((change) => change.deviceId))
}

async function applyGroup(tx: Tx, now: Date, group: readonly SoftwareChange[]): Promise<void> {
  const gone = group.flatMap(({ deviceId, delta }) =>
    delta.removed.flatMap((item) => {
      const key = cleanKey(item)
      return key ? [{ deviceId, key }] : []
    }),
  )
  const added = group.flatMap(({ deviceId, delta }) => cleanSoftware(delta.upserts).map((item) => ({ deviceId, item })))
  const devices = group.map((change) => change.deviceId)
  if (gone.length > 0) {
    await tx.prepared('remove_software', REMOVE, [
      gone.map((row) => row.deviceId),
      gone.map((row) => row.key.source),
      gone.map((row) => row.key.name),
      gone.map((row) => row.key.architecture),
    ])
  }
  // After the removals: what is in both lists is there.
  if (added.length > 0) await tx.prepared('add_software', ADD, [...columns(added), devices])
  await tx.prepared('software_moved_on', MOVE_ON, [
    devices,
    group.map(({ delta }) => delta.hash),
    group.map(({ delta }) => delta.source),
    group.map(({ delta }) => plausibleTime(delta.collectedAt) ?? now),
    now,
  ])
}

function columns(rows: readonly { deviceId: string; item: SoftwareItem }[]): unknown[] {
  return [
    rows.map((row) => row.deviceId),
    rows.map(({ item }) => item.source),
    rows.map(({ item }) => item.name),
    rows.map(({ item }) => item.architecture),
    rows.map(({ item }) => item.version),
    rows.map(({ item }) => item.publisher ?? null),
    rows.map(({ item }) => plausibleTime(item.installedAt)),
    rows.map(({ item }) => item.sizeBytes ?? null),
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
