/** Input fields that settings tools share, and the pages of their lists. */
import { z } from 'zod'
import { makeCursor, readCursor } from '../kernel/cursor.ts'
import { invalidInput } from '../kernel/errors.ts'
import { MOST_COUNTED } from '../kernel/totals.ts'

/** PostgreSQL's text can't hold NUL, and no name needs a character that nobody sees. */
const visible = (text: string): boolean => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)
const VISIBLE = 'must not contain control or invisible characters'

export const nameField = z.string().trim().min(1).max(200).refine(visible, VISIBLE)
export const referenceField = z.string().trim().min(1).max(200).refine(visible, VISIBLE)
export const reasonField = z.string().trim().min(1).max(500).refine(visible, VISIBLE)

/** One value or several: what a model or a person writes, either way. */
export const oneOrMany = <T extends z.ZodType>(item: T, most = 100) => z.union([item, z.array(item).min(1).max(most)])
export const asList = <T>(value: T | T[] | undefined): T[] | undefined =>
  value === undefined ? undefined : Array.isArray(value) ? value : [value]

export const listInput = {
  limit: z.number().int().min(1).max(200).default(25),
  cursor: z.string().max(1000).optional(),
}
export const listOutput = {
  total: z.number().int(),
  total_is_lower_bound: z.boolean().optional(),
  next_cursor: z.string().optional(),
}

const position = z.tuple([z.string(), z.uuid()])

/** Where a page begins. The cursor belongs to one list with one filter; anything else is refused. */
export function pageStart(
  list: string,
  filter: unknown,
  cursor: string | undefined,
): [text: string, id: string] | undefined {
  if (cursor === undefined) return undefined
  const parsed = position.safeParse(readCursor(list, filter, cursor))
  if (parsed.success && !parsed.data[0].includes('\0')) return parsed.data
  throw invalidInput('cursor: this is not a cursor of this list.', 'Start again without a cursor.')
}

export function pageEnd(list: string, filter: unknown, counted: number, next: [text: string, id: string] | null) {
  return {
    total: Math.min(counted, MOST_COUNTED),
    ...(counted > MOST_COUNTED && { total_is_lower_bound: true }),
    ...(next && { next_cursor: makeCursor(list, filter, next) }),
  }
}
