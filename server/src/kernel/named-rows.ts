/** Rows that people know by name: one of them by id or name, all of them by name, page by page. */
import { type Expression, sql } from 'kysely'
import { contains } from './conditions.ts'
import { statement, type Tx } from './db.ts'
import { ambiguous, notFound } from './errors.ts'
import { countRows } from './totals.ts'
import { isUuid } from './uuid.ts'

export interface Named {
  id: string
  name: string
}

/** Position in a list sorted by name. */
export type NamePosition = [name: string, id: string]

export interface NamePage {
  /** Part of the name. */
  text?: string | undefined
  limit: number
  after?: NamePosition | undefined
}

const MOST_CANDIDATES = 20

/** The one of `rows` that an id or a name means, whatever its case. `detail` tells apart those that bear the same name. */
export async function findNamed<Row extends Named>(
  tx: Tx,
  kind: string,
  rows: Expression<Row>,
  reference: string,
  detail?: (row: Row) => string,
): Promise<Row> {
  const isMeant = isUuid(reference) ? sql`r.id = ${reference}::uuid` : sql`lower(r.name) = lower(${reference})`
  const found = await tx.all(
    statement(sql<Row>`select r.* from (${rows}) r where ${isMeant} order by r.id limit ${sql.lit(MOST_CANDIDATES)}`),
  )
  const [row] = found
  if (!row) throw notFound(kind, reference)
  if (found.length === 1) return row
  const candidates = found.map((one) => ({ id: one.id, name: one.name, ...(detail && { detail: detail(one) }) }))
  throw ambiguous(kind, reference, candidates)
}

export interface NamedRows<Row> {
  rows: Row[]
  /** Of all pages together. */
  counted: number
  next: NamePosition | null
}

/** A page of `rows`, by name. */
export async function listNamed<Row extends Named>(
  tx: Tx,
  rows: Expression<Row>,
  { text, limit, after }: NamePage,
): Promise<NamedRows<Row>> {
  const matching =
    text === undefined ? rows : sql<Row>`select r.* from (${rows}) r where r.name ilike ${contains(text)}`
  const isLater = after ? sql`(lower(r.name), r.id) > (${after[0]}, ${after[1]}::uuid)` : sql`true`
  const found = await tx.all(
    statement(sql<Row & { sort_name: string }>`
      select r.*, lower(r.name) as sort_name from (${matching}) r
      where ${isLater} order by lower(r.name), r.id limit ${limit + 1}`),
  )
  // The sort key as the database wrote it: its idea of lower case is the one that orders the list.
  const last = found[limit - 1]
  const next: NamePosition | null = found.length > limit && last ? [last.sort_name, last.id] : null
  return { rows: found.slice(0, limit), counted: await countRows(tx, matching), next }
}
