/** Totals of lists. */
import { type Expression, sql } from 'kysely'
import { statement, type Tx } from './db.ts'

/** Totals stop counting here: counting further costs more than it tells. */
export const MOST_COUNTED = 10_000

/** How many rows there are; one more than `MOST_COUNTED` where there are more. */
export async function countRows(tx: Tx, rows: Expression<unknown>): Promise<number> {
  const built = sql<{
    n: number
  }>`select count(*) as n from (select from (${rows}) r limit ${sql.lit(MOST_COUNTED + 1)}) counted`
  return (await tx.first(statement(built)))?.n ?? 0
}
