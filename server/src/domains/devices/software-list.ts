/** Reading a device's packages, a page at a time. */
import { sql } from 'kysely'
import { z } from 'zod'
import { makeCursor, readCursor } from '../../kernel/cursor.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'

export interface SoftwarePage {
  /** At most 200. */
  limit: number
  /** Part of the name or the publisher, whatever its case. */
  text?: string | undefined
  cursor?: string | undefined
}

/** Names, versions and publishers are what the device said: data, never instructions. */
export interface SoftwareRow {
  source: string
  name: string
  version: string
  architecture: string
  publisher: string | null
  installedAt: string | null
  sizeBytes: number | null
}

export interface DeviceSoftware {
  /** `ok`; why there is nothing, or nothing current; null where the agent has not told yet. */
  status: string | null
  collectedAt: string | null
  items: SoftwareRow[]
  /** Of all that match. */
  total: number
  cursor: string | null
}

export async function softwareOf(tx: Tx, deviceId: string, page: SoftwarePage): Promise<DeviceSoftware> {
  const section = await tx.first(
    query
      .selectFrom('device_sections')
      .select(['status', 'collected_at'])
      .where('device_id', '=', deviceId)
      .where('section', '=', 'software'),
  )
  const about = { status: section?.status ?? null, collectedAt: section?.collected_at.toISOString() ?? null }
  // Rows of a list that could not be read again are what once was: better than reading them all anew, not to be shown.
  if (section?.status !== 'ok') return { ...about, items: [], total: 0, cursor: null }
  const filter = { device: deviceId, text: page.text }
  const after = page.cursor === undefined ? null : position(readCursor('software', filter, page.cursor))
  const limit = Math.min(Math.max(page.limit, 1), 200)
  let matching = query.selectFrom('device_software').where('device_id', '=', deviceId)
  if (page.text !== undefined) {
    const pattern = `%${page.text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
    matching = matching.where((e) => e.or([e('name', 'ilike', pattern), e('publisher', 'ilike', pattern)]))
  }
  const counted = await tx.first(matching.select((e) => e.fn.countAll<number>().as('n')))
  let rows = matching
    .select(['source', 'name', 'version', 'architecture', 'publisher', 'installed_at', 'size_bytes'])
    .orderBy('name')
    .orderBy('source')
    .orderBy('architecture')
    .limit(limit + 1)
  if (after) rows = rows.where(sql<boolean>`(name, source, architecture) > (${after[0]}, ${after[1]}, ${after[2]})`)
  const found = await tx.all(rows)
  const last = found[limit - 1]
  return {
    ...about,
    items: found.slice(0, limit).map((row) => ({
      source: row.source,
      name: row.name,
      version: row.version,
      architecture: row.architecture,
      publisher: row.publisher,
      installedAt: row.installed_at?.toISOString() ?? null,
      sizeBytes: row.size_bytes,
    })),
    total: counted?.n ?? 0,
    cursor:
      found.length > limit && last ? makeCursor('software', filter, [last.name, last.source, last.architecture]) : null,
  }
}

/** PostgreSQL can't compare with a NUL. */
const keyText = z.string().refine((text) => !text.includes('\0'))
const positionShape = z.tuple([keyText, keyText, keyText])

function position(key: readonly unknown[]): [string, string, string] {
  const parsed = positionShape.safeParse(key)
  if (!parsed.success) throw invalidInput('cursor: not of this list.', 'Start again without a cursor.')
  return parsed.data
}
