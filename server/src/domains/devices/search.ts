import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { matchRank, type Wanted } from '../../kernel/matching.ts'

export interface FoundDevice {
  id: string
  name: string
  organization: string
  site: string
  rank: number
}

/** Devices by name, system, site and organization; the best first. */
export function searchDevices(tx: Tx, wanted: Wanted, limit: number): Promise<FoundDevice[]> {
  const about = sql`concat_ws(' ', d.name, d.os, d.role, s.name, o.name)`
  const built = sql<FoundDevice>`
    select * from (
      select d.id, d.name, o.name as organization, s.name as site, ${matchRank(sql`d.name`, about, wanted)} as rank
      from devices d join organizations o on o.id = d.organization_id join sites s on s.id = d.site_id
      where d.removed_at is null) ranked
    where rank > 0 order by rank desc, lower(name), id limit ${limit}`
  return tx.all<FoundDevice>({ compile: () => built.compile(query) })
}
