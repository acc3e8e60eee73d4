/** What people do with alerts, each with its event in the same statement; what the condition does is the engine's. */
import type { Events } from '../../kernel/events.ts'
import type { Tx } from '../../kernel/db.ts'
import type { AlertEventKind, AlertState, AlertStatus, Severity } from './tables.ts'
import { alertsOf } from './topics.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    alerts: Alerts
  }
}

/**
 * Events of which somebody is told, while the alert they belong to is not suppressed when it comes to telling. Of
 * `severity` only those to a worse one: see `isNotifying`.
 */
export const NOTIFYING_KINDS = [
  'opened',
  'severity',
  'flapping',
  'surfaced',
  'unacknowledged',
  'escalated',
  'resolved',
] as const satisfies readonly AlertEventKind[]
const notifying: ReadonlySet<AlertEventKind> = new Set(NOTIFYING_KINDS)

/**
 * `detail` as stored. Of a change of severity, `worse` says which way; with `suppressed`, nobody was to be told when it
 * happened, whatever became of the alert since.
 */
export function isNotifying(kind: AlertEventKind, detail: unknown): boolean {
  const said: Record<string, unknown> = typeof detail === 'object' && detail !== null ? { ...detail } : {}
  if (said['suppressed'] !== undefined) return false
  return kind === 'severity' ? said['worse'] === true : notifying.has(kind)
}

export interface Act {
  ids: readonly string[]
  by: string
  at: Date
  note?: string | null
}

/** An alert after an act. */
export interface Changed {
  id: string
  organization_id: string
  device_id: string | null
  severity: Severity
  status: AlertStatus
  state: AlertState
  title: string
  escalation: number
}

export type Resolved = Changed & {
  /** The condition still holds, so that a new alert will open once its rule is fulfilled anew; null: it can't be seen now. */
  holds: boolean | null
}

const CHANGED = 'a.id, a.organization_id, a.site_id, a.device_id, a.severity, a.status, a.state, a.title, a.escalation'

/** `change` of the alerts that `which` picks, and an event of the kind. $1 ids, $2 user, $3 at, $4 note. */
const act = (kind: AlertEventKind, which: string, change: string): string => `
  with picked as (
    select id, state from alerts where id = any ($1::uuid[]) and ${which} order by id for update),
  changed as (
    update alerts a set version = version + 1, ${change} from picked where a.id = picked.id
    returning ${CHANGED}, picked.state as state_before),
  told as (
    insert into alert_events (organization_id, site_id, alert_id, kind, at, user_id, note)
    select organization_id, site_id, id, '${kind}', $3::timestamptz, $2::uuid, $4::text from changed)
  select id, organization_id, device_id, severity, status, state, title, escalation, state_before from changed`

const STATEMENTS = {
  acknowledge: act(
    'acknowledged',
    `status <> 'resolved'`,
    `status = 'acknowledged', acknowledged_at = $3, acknowledged_by = $2, acknowledged_until = $5::timestamptz,
     note = coalesce($4, note)`,
  ),
  unacknowledge: act(
    'unacknowledged',
    `status = 'acknowledged'`,
    `status = 'open', acknowledged_at = null, acknowledged_by = null, acknowledged_until = null`,
  ),
  resolve: act(
    'resolved',
    `status <> 'resolved'`,
    `status = 'resolved', state = 'clear', state_since = $3, resolved_at = $3, resolved_by = $2, note = coalesce($4, note)`,
  ),
  escalate: act('escalated', `status <> 'resolved'`, `escalation = escalation + 1, note = coalesce($4, note)`),
  note: act('noted', 'true', 'note = coalesce($4, note)'),
} as const

/**
 * Each runs in the caller's transaction, so that it reaches what the caller may; ids that it does not see, or that are
 * resolved already, are not among the answers.
 */
export class Alerts {
  readonly #events: Events

  constructor(events: Events) {
    this.#events = events
  }

  /** `until`: then it is open again by itself. */
  acknowledge(tx: Tx, { until, ...done }: Act & { until: Date | null }): Promise<Changed[]> {
    return this.#act(tx, 'acknowledge', done, [until])
  }

  unacknowledge(tx: Tx, done: Act): Promise<Changed[]> {
    return this.#act(tx, 'unacknowledge', done)
  }

  async resolve(tx: Tx, done: Act): Promise<Resolved[]> {
    const rows = await this.#act(tx, 'resolve', done)
    return rows.map(({ state_before: before, ...row }) => ({ ...row, holds: stillHolds(before) }))
  }

  escalate(tx: Tx, done: Act): Promise<Changed[]> {
    return this.#act(tx, 'escalate', done)
  }

  note(tx: Tx, done: Act & { note: string }): Promise<Changed[]> {
    return this.#act(tx, 'note', done)
  }

  async #act(tx: Tx, what: keyof typeof STATEMENTS, { ids, by, at, note }: Act, more: unknown[] = []) {
    const rows = await tx.prepared<Changed & { state_before: AlertState }>(`alerts_${what}`, STATEMENTS[what], [
      ids,
      by,
      at,
      note ?? null,
      ...more,
    ])
    if (rows.length > 0) {
      tx.afterCommit(() => {
        const organizations = new Set(rows.map((row) => row.organization_id))
        for (const organization of organizations) this.#events.publish(alertsOf(organization))
        this.#events.publish('alert_events')
      })
    }
    return rows
  }
}

function stillHolds(state: AlertState): boolean | null {
  if (state === 'no_data') return null
  return state === 'firing' || state === 'flapping'
}
