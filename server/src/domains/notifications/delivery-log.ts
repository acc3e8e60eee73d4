/** The delivery log as people read it: newest first, and only of organizations whose alerts they may all read. */
import { sql } from 'kysely'
import { type Caller, rowAccess } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { countRows } from '../../kernel/totals.ts'
import type { NotificationState } from './tables.ts'

export interface DeliveryFilter {
  organization: string | undefined
  states: NotificationState[] | undefined
  /** Only what told of it. */
  alert: string | undefined
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

export async function listDeliveries(
  tx: Tx,
  caller: Caller,
  { organization, states, alert }: DeliveryFilter,
  { limit, after }: { limit: number; after: readonly [string, string] | undefined },
) {
  // Alerts of some sites only: their notifications may tell of others too.
  const { whole } = rowAccess(caller, 'monitoring.read')
  const matching = query
    .selectFrom('notifications as n')
    .where('n.organization_id', 'in', whole.length > 0 ? [...whole] : [NOBODY])
    .$if(organization !== undefined, (some) => some.where('n.organization_id', '=', organization ?? NOBODY))
    .$if(states !== undefined, (some) => some.where('n.state', 'in', states ?? []))
    .$if(alert !== undefined, (some) => some.where(sql<boolean>`n.alert_ids @> array[${alert}]::uuid[]`))
  const rows = await tx.all(
    matching
      .leftJoin('notification_channels as c', 'c.id', 'n.channel_id')
      .leftJoin('notification_routes as r', 'r.id', 'n.route_id')
      .selectAll('n')
      .select(['c.name as channel', 'r.name as route', sql<string>`n.created_at::text`.as('position')])
      .$if(after !== undefined, (some) =>
        some.where(sql<boolean>`(n.created_at, n.id) < (${after?.[0]}::timestamptz, ${after?.[1]}::uuid)`),
      )
      .orderBy('n.created_at', 'desc')
      .orderBy('n.id', 'desc')
      .limit(limit + 1),
  )
  const counted = await countRows(tx, matching.select('n.id'))
  const last = rows[limit - 1]
  const next: [string, string] | null = rows.length > limit && last ? [last.position, last.id] : null
  return { rows: rows.slice(0, limit), counted: counted, next }
}
