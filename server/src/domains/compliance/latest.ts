/** How places stood at their last look, from what is kept of each day: cheap, whatever the number of devices. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { placeColumn, type PlaceFilter, type PlaceLevel } from '../devices/place-counts.ts'
import { DAY_MS, day } from './checks/facts.ts'
import type { Framework } from './frameworks/framework.ts'
import { placeHistory } from './history.ts'

/** Weights, so that places add up; `scoreOf` makes the score of them. */
export interface PlaceScore {
  passed: number
  failed: number
}

/** What is older says nothing about now. */
const MOST_DAYS = 3

/** By organization or site; one of which no day was kept lately is not there. */
export async function latestScores(
  tx: Tx,
  now: Date,
  framework: Pick<Framework, 'id'>,
  level: PlaceLevel,
  filter: PlaceFilter,
): Promise<Map<string, PlaceScore>> {
  const since = day(new Date(now.getTime() - MOST_DAYS * DAY_MS))
  const built = sql<PlaceScore & { id: string }>`
    select ${placeColumn(level, 'latest')} as id, sum(weight_passed)::float8 as passed, sum(weight_failed)::float8 as failed from (
      select distinct on (organization_id, site_id) organization_id, site_id, weight_passed, weight_failed from compliance_history
      where framework = ${framework.id} and day >= ${since}::date and ${placeHistory(filter)}
      order by organization_id, site_id, day desc) latest
    group by 1`
  const rows = await tx.all<PlaceScore & { id: string }>({ compile: () => built.compile(query) })
  return new Map(rows.map(({ id, passed, failed }) => [id, { passed, failed }]))
}
