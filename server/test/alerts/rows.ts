/** Alerts and rules as rows, for tests of what reads and handles them: only the engine opens real ones. */
import type { Selectable } from 'kysely'
import type { AlertRulesTable, AlertsTable } from '../../src/domains/alerts/tables.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import type { Harness } from '../harness.ts'

type Database = Pick<Harness, 'sql'>
type Place = { id: string; siteId: string | null }

export interface AlertRow extends Partial<
  Pick<
    Selectable<AlertsTable>,
    'instance' | 'severity' | 'status' | 'state' | 'signal' | 'title' | 'occurrences' | 'escalation' | 'detail'
  >
> {
  id?: string
  /** None: an alert of the site, or of the organization where the place has no site. */
  device?: string
  /** One of its own unless given: there is one unresolved alert per device, rule and instance. */
  rule?: string
  openedAt?: Date
  lastValue?: number
  note?: string
  acknowledgedUntil?: Date
  parent?: string
  suppressed?: 'parent' | 'maintenance' | 'device_offline' | 'rule'
}

/** Null organization: a rule of the whole partner. */
export async function alertRule(
  { sql }: Database,
  partnerId: string,
  organizationId: string | null,
  more: Partial<Pick<Selectable<AlertRulesTable>, 'name' | 'signal' | 'severity'>> & { condition?: unknown } = {},
): Promise<string> {
  const id = systemEnvironment.newId()
  const { name = `Rule ${id.slice(-6)}`, signal = 'metric', severity = 'high', condition = {} } = more
  await sql(
    `insert into alert_rules (id, partner_id, organization_id, name, signal, condition, severity, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, now(), now())`,
    [id, partnerId, organizationId, name, signal, JSON.stringify(condition), severity],
  )
  return id
}

/** With the event that it opened, as the engine writes both. */
export async function alertRow(world: Database, place: Place, row: AlertRow = {}): Promise<string> {
  const id = row.id ?? systemEnvironment.newId()
  const openedAt = row.openedAt ?? new Date()
  const status = row.status ?? 'open'
  await world.sql(
    `insert into alerts (id, organization_id, site_id, device_id, rule_id, signal, instance, severity, status, state, title, detail,
       last_value, occurrences, opened_at, last_seen_at, escalation, note, acknowledged_at, acknowledged_until, resolved_at, parent_id, suppressed)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17, $18, $19, $20, $21, $22)`,
    [
      id,
      place.id,
      place.siteId,
      row.device ?? null,
      row.rule ?? null,
      row.signal ?? 'metric',
      row.instance ?? '',
      row.severity ?? 'high',
      status,
      row.state ?? (status === 'resolved' ? 'clear' : 'firing'),
      row.title ?? 'Disk / is nearly full',
      JSON.stringify(row.detail ?? {}),
      row.lastValue ?? null,
      row.occurrences ?? 1,
      openedAt,
      row.escalation ?? 0,
      row.note ?? null,
      status === 'acknowledged' ? openedAt : null,
      row.acknowledgedUntil ?? null,
      status === 'resolved' ? new Date() : null,
      row.parent ?? null,
      row.suppressed ?? null,
    ],
  )
  await world.sql(
    `insert into alert_events (organization_id, site_id, alert_id, kind, at) values ($1, $2, $3, 'opened', $4)`,
    [place.id, place.siteId, id, openedAt],
  )
  return id
}
