import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { matchRank, type Wanted } from '../../kernel/matching.ts'
import type { AlertStatus, Severity } from './tables.ts'

export interface FoundAlert {
  id: string
  title: string
  severity: Severity
  status: AlertStatus
  device: string | null
  organization: string
  rank: number
}

/** Of these organizations, what is unresolved or was opened since; the best first, and of equals the worst. */
export function searchAlerts(
  tx: Tx,
  wanted: Wanted,
  of: { organizationIds: readonly string[]; since: Date },
  limit: number,
): Promise<FoundAlert[]> {
  const about = sql`concat_ws(' ', a.title, a.severity, a.signal, a.status, d.name, o.name, 'alert alerts')`
  const built = sql<FoundAlert>`
    select * from (
      select a.id, a.title, a.severity, a.status, a.opened_at, d.name as device, o.name as organization,
        ${matchRank(sql`a.title`, about, wanted)} as rank
      from alerts a join organizations o on o.id = a.organization_id left join devices d on d.id = a.device_id
      where a.organization_id = any (${[...of.organizationIds]}::uuid[]) and (a.status <> 'resolved' or a.opened_at > ${of.since})) ranked
    where rank > 0 order by rank desc, severity_weight(severity) desc, opened_at desc, id limit ${limit}`
  return tx.all<FoundAlert>({ compile: () => built.compile(query) })
}
