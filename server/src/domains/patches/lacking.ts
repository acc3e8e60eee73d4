/** Since when devices lack updates that matter: what a limit of days is held against. */
import type { Tx } from '../../kernel/db.ts'
import type { DevicePatchStateTable } from './tables.ts'

export interface LackingUpdate {
  name: string
  /** When it was published, or where nobody tells when the server learned of it; ISO 8601. */
  since: string
}

export interface Lacking {
  /** Why it is not known what the device lacks. */
  reason: DevicePatchStateTable['reason']
  manager: string | null
  listsUpdatedAt: Date | null
  /** Critical and important ones, and those for security that nobody rates; the oldest first, at most 50. */
  important: LackingUpdate[]
  /** The oldest of which nobody says whether it is for security; ISO 8601. */
  unratedSince: string | null
  rebootPendingSince: Date | null
}

const MOST = 50

const LACKING = `
  select ps.device_id, ps.reason, ps.manager, ps.lists_updated_at, ps.reboot_pending_since, u.unrated_since,
    coalesce(u.important, '[]') as important
  from device_patch_state ps left join lateral (
    select min(since) filter (where security is null and severity is null) as unrated_since,
      (jsonb_agg(jsonb_build_object('name', name, 'since', since) order by since, name)
        filter (where severity in ('critical', 'important') or (security and severity is null))) as important
    from (
      select coalesce(article || ' ' || name, name) as name, security, severity,
        least(coalesce(released_on::timestamptz, security_since, first_seen_at), first_seen_at) as since
      from device_updates o where o.device_id = ps.device_id) pending) u on true
  where ps.device_id = any ($1::uuid[])`

interface Row {
  device_id: string
  reason: Lacking['reason']
  manager: string | null
  lists_updated_at: Date | null
  reboot_pending_since: Date | null
  unrated_since: Date | null
  important: LackingUpdate[]
}

/** Device → what it lacks; those that never reported are not in it. */
export async function lackingUpdates(tx: Tx, deviceIds: readonly string[]): Promise<Map<string, Lacking>> {
  const rows = await tx.prepared<Row>('lacking_updates', LACKING, [deviceIds])
  return new Map(
    rows.map((row) => [
      row.device_id,
      {
        reason: row.reason,
        manager: row.manager,
        listsUpdatedAt: row.lists_updated_at,
        important: row.important.slice(0, MOST),
        unratedSince: row.unrated_since?.toISOString() ?? null,
        rebootPendingSince: row.reboot_pending_since,
      },
    ]),
  )
}
