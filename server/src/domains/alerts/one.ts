/** One alert whole: with what was recorded when it opened, what happened to it since, and what it stands for. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { listAlerts } from './list.ts'
import type { AlertRow } from './rows.ts'
import { ALERT_STATUSES, type AlertEventKind, type Severity } from './tables.ts'

export interface AlertEvent {
  kind: AlertEventKind
  at: Date
  /** Null: Breeze itself. */
  by: string | null
  note: string | null
}

export interface WholeAlert {
  alert: AlertRow
  /** As frozen; what devices wrote stands under `device_text`. */
  recorded: Record<string, unknown>
  /** The latest, oldest first. */
  events: AlertEvent[]
  /** Unresolved alerts that it stands for, the worst first. */
  standsFor: StoodFor[]
}

export interface StoodFor {
  id: string
  title: string
  severity: Severity
  device: string | null
}

const EVENTS = 50

/** Null for what the transaction does not see. */
export async function wholeAlert(tx: Tx, id: string): Promise<WholeAlert | null> {
  const page = { limit: 1, order: 'worst', unfold: true } as const
  const { alerts } = await listAlerts(tx, { ids: [id], statuses: ALERT_STATUSES }, page)
  const [alert] = alerts
  if (!alert) return null
  const stored = await tx.first(query.selectFrom('alerts').select('detail').where('id', '=', id))
  const events = await tx.all(
    query
      .selectFrom('alert_events as e')
      .leftJoin('users as u', 'u.id', 'e.user_id')
      .select(['e.kind', 'e.at', 'u.name as by', 'e.note'])
      .where('e.alert_id', '=', id)
      .orderBy('e.id', 'desc')
      .limit(EVENTS),
  )
  return {
    alert,
    recorded: typeof stored?.detail === 'object' && stored.detail !== null ? { ...stored.detail } : {},
    events: events.toReversed(),
    standsFor: alert.children === 0 ? [] : await stoodFor(tx, id),
  }
}

const STOOD_FOR = 20

const stoodFor = (tx: Tx, id: string): Promise<StoodFor[]> =>
  tx.all(
    query
      .selectFrom('alerts as a')
      .leftJoin('devices as d', 'd.id', 'a.device_id')
      .select(['a.id', 'a.title', 'a.severity', 'd.name as device'])
      .where('a.parent_id', '=', id)
      .where('a.status', '<>', 'resolved')
      .orderBy(sql`severity_weight(a.severity)`, 'desc')
      .orderBy('d.name')
      .orderBy('a.id')
      .limit(STOOD_FOR),
  )
