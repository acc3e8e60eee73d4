/** How well devices are patched, counted per organization or site. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { deviceConditions, type DeviceFilter, type DeviceGroup } from '../devices/filter.ts'
import { devicesInGroups } from '../devices/group-counts.ts'
import { placeColumn, type PlaceFilter, type PlaceLevel } from '../devices/place-counts.ts'
import { patchState } from './state.ts'
import type { PatchState } from './tables.ts'

interface Row {
  id: string
  state: PatchState
  n: number
}

export type PatchStates = Record<PatchState, number>

export async function countPatchesBy(
  tx: Tx,
  now: Date,
  level: PlaceLevel,
  filter: PlaceFilter,
): Promise<Map<string, PatchStates>> {
  const built = sql<Row>`
    select id, state, count(*) as n from (
      select ${placeColumn(level, 'd')} as id, ${patchState(now)} as state
      from devices d left join device_presence p on p.device_id = d.id left join device_patch_state ps on ps.device_id = d.id
      where ${sql.join(deviceConditions(filter), sql` and `)}) judged
    group by 1, 2`
  return statesOf(await tx.all<Row>({ compile: () => built.compile(query) }))
}

/** The same per group of devices. */
export async function countPatchesByGroup(
  tx: Tx,
  now: Date,
  groups: readonly DeviceGroup[],
  filter: DeviceFilter,
): Promise<Map<string, PatchStates>> {
  if (groups.length === 0) return new Map()
  const built = sql<Row>`
    select d.group_id as id, ${patchState(now)} as state, count(*) as n
    from ${devicesInGroups(groups, filter)} left join device_presence p on p.device_id = d.id
      left join device_patch_state ps on ps.device_id = d.id
    group by 1, 2`
  return statesOf(await tx.all<Row>({ compile: () => built.compile(query) }))
}

function statesOf(rows: readonly Row[]): Map<string, PatchStates> {
  const places = new Map<string, PatchStates>()
  for (const { id, state, n } of rows) {
    const counts = places.get(id) ?? { up_to_date: 0, missing: 0, failed: 0, unknown: 0 }
    counts[state] += n
    places.set(id, counts)
  }
  return places
}
