/** Opaque positions in a list: the last row's sort key, bound to the list and filter they were made for. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson } from './canonical.ts'
import { invalidInput } from './errors.ts'

const shape = z.tuple([z.string(), z.array(z.union([z.string(), z.number(), z.null()])).max(4)])
export type SortKey = z.infer<typeof shape>[1]

const junk = () =>
  invalidInput('cursor: this is not a cursor of this list with these filters.', 'Start again without a cursor.')

const bindingOf = (list: string, filter: unknown): string =>
  createHash('sha256').update(list).update(canonicalJson(filter)).digest('base64url').slice(0, 12)

const instant = z.iso.datetime({ offset: true })

/** Whether a position's text is a time, as PostgreSQL or `toISOString` writes one: anything else would fail in the query. */
export function isInstant(text: string): boolean {
  if (text.length > 40 || text.startsWith('0000') || !/(?:Z|[+-](?:0\d|1[0-5])(?::\d\d)?)$/.test(text)) return false
  return instant.safeParse(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).success
}

export function makeCursor(list: string, filter: unknown, key: SortKey): string {
  return Buffer.from(JSON.stringify([bindingOf(list, filter), key])).toString('base64url')
}

/** Throws `invalid_input` for junk and for the cursor of another list. The values still have to be checked for their types. */
export function readCursor(list: string, filter: unknown, cursor: string): SortKey {
  let decoded: unknown
  try {
    decoded = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw junk()
  }
  const parsed = shape.safeParse(decoded)
  if (!parsed.success || parsed.data[0] !== bindingOf(list, filter)) throw junk()
  return parsed.data[1]
}
