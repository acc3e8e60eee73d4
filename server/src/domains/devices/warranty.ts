/** Warranty dates from a list: which device each line means, and what is kept of it. */
import type { Tx } from '../../kernel/db.ts'
import { type DeviceTarget, targetsByFilter } from './find.ts'

export interface WarrantyLine {
  serial?: string | undefined
  /** Id or name; asked where no device has the serial number. */
  device?: string | undefined
  /** YYYY-MM-DD. */
  endsOn: string
  source: string
}

export interface MatchedLines {
  /** Device → its line; of several lines of one device the last. */
  lines: Map<string, WarrantyLine>
  targets: DeviceTarget[]
  /** From 1. */
  unmatched: { line: number; reason: 'not_found' | 'several' }[]
}

const BY_SERIAL = `
  select s.device_id as id, lower(coalesce(s.data, s.last_data)->>'serial') as key
  from device_sections s join devices d on d.id = s.device_id and d.removed_at is null
  where s.section = 'identity' and lower(coalesce(s.data, s.last_data)->>'serial') = any ($1::text[])
    and ($2::uuid is null or d.organization_id = $2)`

const BY_NAME = `
  select id, key from (
    select d.id, lower(d.name) as key, d.organization_id from devices d where lower(d.name) = any ($1::text[]) and d.removed_at is null
    union all
    select d.id, d.id::text, d.organization_id from devices d where d.id::text = any ($1::text[]) and d.removed_at is null) named
  where $2::uuid is null or organization_id = $2`

/** Among the devices that the transaction sees. */
export async function matchWarranties(
  tx: Tx,
  lines: readonly WarrantyLine[],
  organizationId: string | null,
): Promise<MatchedLines> {
  const find = async (name: string, statement: string, keys: (string | undefined)[]) => {
    const wanted = [...new Set(keys.flatMap((key) => (key === undefined ? [] : [keyOf(key)])))]
    const rows = await tx.prepared<{ id: string; key: string }>(name, statement, [wanted, organizationId])
    return Map.groupBy(rows, (row) => row.key)
  }
  const bySerial = await find(
    'warranty_serials',
    BY_SERIAL,
    lines.map((line) => line.serial),
  )
  const byName = await find(
    'warranty_names',
    BY_NAME,
    lines.map((line) => line.device),
  )
  const matched: MatchedLines = { lines: new Map(), targets: [], unmatched: [] }
  for (const [index, line] of lines.entries()) {
    const found = named(bySerial, line.serial) ?? named(byName, line.device) ?? []
    const [device] = found
    if (device && found.length === 1) matched.lines.set(device.id, line)
    else matched.unmatched.push({ line: index + 1, reason: device ? 'several' : 'not_found' })
  }
  const ids = [...matched.lines.keys()]
  const { targets } = await targetsByFilter(tx, { ids }, lines.length)
  return { ...matched, targets }
}

const keyOf = (text: string): string => text.replaceAll('\0', '').trim().toLowerCase()

function named<T>(rows: ReadonlyMap<string, T>, key: string | undefined): T | undefined {
  return key === undefined ? undefined : rows.get(keyOf(key))
}

const WRITE = `
  insert into device_warranties (device_id, organization_id, site_id, ends_on, source, imported_at, imported_by)
  select d.id, d.organization_id, d.site_id, w.ends_on, w.source, $4, $5
  from unnest($1::uuid[], $2::date[], $3::text[]) as w (id, ends_on, source) join devices d on d.id = w.id and d.removed_at is null
  order by d.id
  on conflict (device_id) do update set organization_id = excluded.organization_id, site_id = excluded.site_id,
    ends_on = excluded.ends_on, source = excluded.source, imported_at = excluded.imported_at, imported_by = excluded.imported_by`

export async function writeWarranties(
  tx: Tx,
  lines: ReadonlyMap<string, WarrantyLine>,
  by: { userId: string; at: Date },
): Promise<void> {
  const rows = [...lines]
  await tx.prepared('write_warranties', WRITE, [
    rows.map(([id]) => id),
    rows.map(([, line]) => line.endsOn),
    rows.map(([, line]) => line.source),
    by.at,
    by.userId,
  ])
}
