import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { matchRank, type Wanted } from '../../kernel/matching.ts'

export interface FoundOperation {
  id: string
  tool: string
  summary: string
  createdAt: Date
  rank: number
}

/** Among so many of the latest it is looked. */
const LATEST = 2000

/** Operations that lie within these organizations, by what they did; the best first, and of equals the latest. */
export async function searchOperations(
  tx: Tx,
  wanted: Wanted,
  organizationIds: readonly string[],
  limit: number,
): Promise<FoundOperation[]> {
  const built = sql<Omit<FoundOperation, 'createdAt'> & { created_at: Date }>`
    select * from (
      select id, tool, summary, created_at, ${matchRank(sql`summary`, sql`concat_ws(' ', tool, action, summary, state)`, wanted)} as rank
      from (
        select id, tool, action, summary, state, created_at from operations
        where organization_ids <> '{}' and organization_ids <@ ${[...organizationIds]}::uuid[]
        order by created_at desc limit ${sql.lit(LATEST)}) latest) ranked
    where rank > 0 order by rank desc, created_at desc, id limit ${limit}`
  const rows = await tx.all<Omit<FoundOperation, 'createdAt'> & { created_at: Date }>({
    compile: () => built.compile(query),
  })
  return rows.map(({ created_at: createdAt, ...row }) => ({ ...row, createdAt }))
}
