/** How one device stands with its patches. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { openFailures, type PatchFailure } from './derive.ts'
import { patchState, type UnknownBecause, unknownBecause } from './state.ts'
import type { PatchState, UpdateSeverity } from './tables.ts'

export interface DevicePatches {
  state: PatchState
  /** Why it is unknown; what is lacking is then what was once. */
  reason: UnknownBecause | null
  missing: number
  missingSecurity: number
  listsUpdatedAt: string | null
  rebootPendingSince: string | null
  /** False: it does not tell what was installed or failed. */
  historyKnown: boolean
  /** Those for security first, then the longest known. */
  updates: {
    name: string
    article: string | null
    installed: string | null
    available: string
    security: boolean | null
    severity: UpdateSeverity | null
    releasedOn: string | null
    firstSeenAt: string
  }[]
  failures: PatchFailure[]
}

interface Stored {
  state: PatchState
  reason: UnknownBecause | null
  missing: number | null
  missing_security: number | null
  lists_updated_at: Date | null
  reboot_pending_since: Date | null
  history_known: boolean | null
}

export async function devicePatches(tx: Tx, now: Date, deviceId: string, most: number): Promise<DevicePatches> {
  const built = sql<Stored>`
    select ${patchState(now)} as state, ${unknownBecause(now)} as reason, ps.missing, ps.missing_security, ps.lists_updated_at,
      ps.reboot_pending_since, ps.history_known
    from devices d left join device_presence p on p.device_id = d.id left join device_patch_state ps on ps.device_id = d.id
    where d.id = ${deviceId}::uuid`
  const stored = await tx.first<Stored>({ compile: () => built.compile(query) })
  const updates = await tx.all(
    query
      .selectFrom('device_updates')
      .select(['name', 'article', 'installed', 'available', 'security', 'severity', 'first_seen_at'])
      .select(sql<string | null>`released_on::text`.as('released_on'))
      .where('device_id', '=', deviceId)
      .orderBy(sql`security desc nulls last`)
      .orderBy('first_seen_at')
      .orderBy('name')
      .limit(most),
  )
  return {
    state: stored?.state ?? 'unknown',
    reason: stored ? stored.reason : 'not_reported',
    missing: stored?.missing ?? 0,
    missingSecurity: stored?.missing_security ?? 0,
    listsUpdatedAt: stored?.lists_updated_at?.toISOString() ?? null,
    rebootPendingSince: stored?.reboot_pending_since?.toISOString() ?? null,
    historyKnown: stored?.history_known ?? false,
    updates: updates.map(({ released_on: releasedOn, first_seen_at: seen, ...update }) => {
      return { ...update, releasedOn, firstSeenAt: seen.toISOString() }
    }),
    failures: await openFailures(tx, now, [deviceId]),
  }
}
