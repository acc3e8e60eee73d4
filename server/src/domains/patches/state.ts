/** The state of a device's patches at a time: what its last report says, unless that is too old to say anything. */
import { type RawBuilder, sql } from 'kysely'
import { FAILED_DAYS } from './derive.ts'
import { SERVER_LIKE } from '../devices/scope.ts'
import type { PatchState } from './tables.ts'

/** A device that has not looked for updates for so long does not know what it lacks. */
export const LISTS_DAYS = 14
/** Silence after which its facts are no longer today's: people switch off workstations, not servers. */
export const WORKSTATION_DAYS = 14
export const SERVER_DAYS = 1

/** What makes a state unknown; `unrated`: nobody says which of its updates are those that were asked about. */
export type UnknownBecause =
  | 'not_reported'
  | 'not_readable'
  | 'lists_of_unknown_age'
  | 'silent'
  | 'lists_outdated'
  | 'unrated'

/** Whoever has no clock at hand asks the database's. */
type Time = Date | RawBuilder<Date>
const daysBefore = (now: Time, days: number): RawBuilder<unknown> =>
  sql`${now}::timestamptz - make_interval(hours => ${24 * days}::integer)`

/** Null where the last report counts. Expects `devices d`, and left joined `device_presence p` and `device_patch_state ps`. */
export function unknownBecause(now: Time): RawBuilder<UnknownBecause | null> {
  const before = (days: number) => daysBefore(now, days)
  return sql<UnknownBecause | null>`case
    when ps.device_id is null then 'not_reported'
    when ps.state = 'unknown' then ps.reason
    when p.last_seen_at is null
      or p.last_seen_at < case when d.role = any (${[...SERVER_LIKE]}::text[]) then ${before(SERVER_DAYS)} else ${before(WORKSTATION_DAYS)} end then 'silent'
    when ps.lists_updated_at < ${before(LISTS_DAYS)} then 'lists_outdated' end`
}

/** Expects the same. */
export function patchState(now: Time): RawBuilder<PatchState> {
  return sql<PatchState>`case
    when ${unknownBecause(now)} is not null then 'unknown'
    when ps.state = 'failed' and ps.last_failed_at < ${daysBefore(now, FAILED_DAYS)}
      then case when ps.missing > 0 then 'missing' else 'up_to_date' end
    else ps.state end`
}

/** As a condition on `devices d`, without joins of the statement's own. */
export function hasPatchState(states: readonly PatchState[], now: Time): RawBuilder<unknown> {
  return sql`(select ${patchState(now)} from (select d.id, d.role) one
    left join device_presence p on p.device_id = one.id
    left join device_patch_state ps on ps.device_id = one.id) = any (${[...states]}::text[])`
}
