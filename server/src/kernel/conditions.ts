/** Parts of SQL conditions that several domains write. */
import { type RawBuilder, sql } from 'kysely'

/** One id as `=`, so that an index sorted by the next column still serves the order. */
export function anyOf(column: RawBuilder<unknown>, ids: readonly string[]): RawBuilder<unknown> {
  const [first] = ids
  return ids.length === 1 ? sql`${column} = ${first}::uuid` : sql`${column} = any (${[...ids]}::uuid[])`
}

/** The caller's text is text: its `%` and `_` mean themselves. */
export const escapeLike = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`)
export const contains = (text: string): string => `%${escapeLike(text)}%`
