/** The statements that store sections: written, and compared with what was there, in one. */
import type { InventorySections, SectionName } from '@breeze/contract/agent-inventory'
import { Batch } from '../../kernel/batch.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import { COMPARED, type SectionContent } from './section-changes.ts'

export interface Row {
  deviceId: string
  section: SectionName
  hash: string
  content: Omit<InventorySections[SectionName], 'data'> & { data?: unknown }
}

// What the statement replaces is read in it: all parts of one statement see the same state, the one before it.
const SECTIONS = `
  with told as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $9::text[])
      as s (id, section, status, source, collected_at, hash, detail, data)),
  written as (
    insert into device_sections
      (device_id, section, organization_id, site_id, status, source, collected_at, received_at, hash, detail, data)
    select d.id, s.section, d.organization_id, d.site_id, s.status, s.source, s.collected_at, $8, s.hash, s.detail, s.data::jsonb
    from told s join devices d on d.id = s.id and d.removed_at is null
    order by d.id, s.section
    on conflict (device_id, section) do update set
      organization_id = excluded.organization_id, site_id = excluded.site_id, status = excluded.status,
      source = excluded.source, collected_at = excluded.collected_at, received_at = excluded.received_at,
      hash = excluded.hash, detail = excluded.detail, data = excluded.data, outdated_since = null,
      last_data = case when excluded.data is null then coalesce(device_sections.data, device_sections.last_data) end,
      version = device_sections.version + (device_sections.hash <> excluded.hash)::integer
    returning device_id, section, hash)
  select w.device_id, w.section, b.status, b.collected_at,
    case when w.section = any ($10::text[]) then coalesce(b.data, b.last_data) end as data
  from written w left join device_sections b on (b.device_id, b.section) = (w.device_id, w.section)
  where b.hash is distinct from w.hash`

export interface Before {
  device_id: string
  section: SectionName
  /** Null with `collected_at`: it was not there. */
  status: string | null
  collected_at: Date | null
  data: unknown
}

export const contentBefore = ({ status, collected_at: collectedAt, data }: Before): SectionContent | null =>
  status === null || collectedAt === null ? null : { status, collectedAt, ...(data !== null && { data }) }

/** Answers what those that changed were before. */
export function writeSections(tx: Tx, now: Date, rows: readonly Row[]): Promise<Before[]> {
  return tx.prepared<Before>('inventory_sections', SECTIONS, [
    rows.map((row) => row.deviceId),
    rows.map((row) => row.section),
    rows.map((row) => row.content.status),
    rows.map((row) => row.content.source),
    rows.map((row) => row.content.collectedAt),
    rows.map((row) => row.hash),
    rows.map((row) => row.content.detail ?? null),
    now,
    rows.map((row) => (row.content.data === undefined ? null : JSON.stringify(row.content.data))),
    COMPARED,
  ])
}

export interface OutdatedMark {
  deviceId: string
  section: SectionName
  since: Date | null
}

const OUTDATED = `
  with told as (
    select distinct on (id, section) id, section, since
    from unnest($1::uuid[], $2::text[], $3::timestamptz[]) with ordinality as o (id, section, since, place)
    order by id, section, place desc),
  locked as (
    select device_id from device_sections
    where (device_id, section) in (select id, section from told) order by device_id, section for no key update)
  update device_sections s set outdated_since = t.since from told t
  where s.device_id in (select device_id from locked) and (s.device_id, s.section) = (t.id, t.section) and s.outdated_since is distinct from t.since`

/** What conversations find out beat by beat, written together. */
export function outdatedMarks(db: Db): Batch<OutdatedMark, undefined> {
  return new Batch<OutdatedMark, undefined>({
    windowMs: 500,
    maxItems: 5000,
    handle: async (marks) => {
      await db.workerStatement('sections_outdated', OUTDATED, [
        marks.map((mark) => mark.deviceId),
        marks.map((mark) => mark.section),
        marks.map((mark) => mark.since),
      ])
      return marks.map(() => undefined)
    },
  })
}
