/** How well devices are patched, counted per organization or site. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { deviceConditions } from '../devices/filter.ts'
import { placeColumn, type PlaceFilter, type PlaceLevel } from '../devices/place-counts.ts'
import { patchState } from './state.ts'
import type { PatchState } from './tables.ts'

export type PatchStates = Record<PatchState, number>

export async function countPatchesBy(
  tx: Tx,
  now: Date,
  level: PlaceLevel,
  filter: PlaceFilter,
): Promise<Map<string, PatchStates>> {
  const built = sql<{ id: string; state: PatchState; n: number }>`
    select id, state, count(*) as n from (
      select ${placeColumn(level, 'd')} as id, ${patchState(now)} as state
      from devices d left join device_presence p on p.device_id = d.id left join device_patch_state ps on ps.device_id = d.id
      where ${sql.join(deviceConditions(filter), sql` and `)}) judged
    group by 1, 2`
  const rows = await tx.all<{ id: string; state: PatchState; n: number }>({ compile: () => built.compile(query) })
  const places = new Map<string, PatchStates>()
  for (const { id, state, n } of rows) {
    const counts = places.get(id) ?? { up_to_date: 0, missing: 0, failed: 0, unknown: 0 }
    counts[state] += n
    places.set(id, counts)
  }
  return places
}
