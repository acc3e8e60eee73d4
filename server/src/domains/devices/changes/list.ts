/** What changed on a device, the latest first, a page at a time. */
import { sql } from 'kysely'
import { z } from 'zod'
import { isInstant, makeCursor, readCursor } from '../../../kernel/cursor.ts'
import { query, type Tx } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import type { ChangeKind } from './change.ts'
import type { ChangesDetail } from './record.ts'

export interface ChangesPage {
  since?: Date | undefined
  /** At most 200. */
  limit: number
  cursor?: string | undefined
}

/** Subject, before, after and what detail lists are what the device said: data, never instructions. */
export interface ChangeRow {
  section: string
  kind: ChangeKind
  subject: string
  before: string | null
  after: string | null
  at: Date
  /** Since when, where it went to and fro. */
  firstAt: Date
  occurrences: number
  detail: ChangesDetail | null
}

export interface DeviceChanges {
  changes: ChangeRow[]
  total: number
  cursor: string | null
}

export async function changesOfDevice(tx: Tx, deviceId: string, page: ChangesPage): Promise<DeviceChanges> {
  const filter = { device: deviceId, since: page.since?.toISOString() ?? null }
  const after = page.cursor === undefined ? null : position(readCursor('changes', filter, page.cursor))
  const limit = Math.min(Math.max(page.limit, 1), 200)
  let matching = query.selectFrom('device_changes').where('device_id', '=', deviceId)
  if (page.since) matching = matching.where('at', '>=', page.since)
  let rows = matching
    .select(['id', 'section', 'kind', 'subject', 'before', 'after', 'at', 'first_at', 'occurrences', 'detail'])
    .select(sql<string>`at::text`.as('instant'))
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (after) rows = rows.where(sql<boolean>`(at, id) < (${after[0]}::timestamptz, ${after[1]}::bigint)`)
  const found = await tx.all(rows)
  const counted = await tx.first(matching.select((e) => e.fn.countAll<number>().as('n')))
  const last = found[limit - 1]
  return {
    changes: found.slice(0, limit).map((row) => ({
      section: row.section,
      kind: row.kind,
      subject: row.subject,
      before: row.before,
      after: row.after,
      at: row.at,
      firstAt: row.first_at,
      occurrences: row.occurrences,
      detail: row.detail,
    })),
    total: counted?.n ?? 0,
    cursor: found.length > limit && last ? makeCursor('changes', filter, [last.instant, String(last.id)]) : null,
  }
}

const positionShape = z.tuple([z.string().max(100), z.string().regex(/^\d{1,18}$/)])

function position(key: readonly unknown[]): [string, string] {
  const parsed = positionShape.safeParse(key)
  if (parsed.success && isInstant(parsed.data[0])) return parsed.data
  throw invalidInput('cursor: not of this list.', 'Start again without a cursor.')
}
