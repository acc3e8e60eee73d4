import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { matchRank, type Wanted } from '../../kernel/matching.ts'

export interface FoundPlace {
  kind: 'organization' | 'site'
  id: string
  name: string
  /** Of a site. */
  organization: string | null
  rank: number
}

/** Organizations and sites by name; the best first. */
export function searchPlaces(tx: Tx, wanted: Wanted, limit: number): Promise<FoundPlace[]> {
  const built = sql<FoundPlace>`
    select * from (
      select 'organization' as kind, o.id, o.name, null as organization, ${matchRank(sql`o.name`, sql`o.name`, wanted)} as rank
      from organizations o
      union all
      select 'site', s.id, s.name, o.name, ${matchRank(sql`s.name`, sql`concat_ws(' ', s.name, o.name)`, wanted)}
      from sites s join organizations o on o.id = s.organization_id) ranked
    where rank > 0 order by rank desc, lower(name), id limit ${limit}`
  return tx.all<FoundPlace>({ compile: () => built.compile(query) })
}
